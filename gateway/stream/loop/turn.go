package loop

import "time"

// turn does a slice of each kind of work, and reports whether some is left.
func (l *Loop) turn(now time.Time) (busy bool) {
	defer l.count()
	l.acceptArrivals(now)
	l.deliver(now)
	l.runTimers(now)
	busy = len(l.coming) > 0 || len(l.sending) > 0

	every := l.opt.Heartbeat().Every
	if l.streams.live > 0 && !l.beats.running {
		l.beats.begin(now)
	}
	for _, s := range l.sweeps(every) {
		if l.visit(s.sweep, now, s.over, s.do) {
			busy = true
		}
		switch {
		case !s.done(l.streams.high):
		case s.sweep == &l.beats:
			l.beats.begin(now)
		default:
			*s.sweep = sweep{}
		}
	}
	if l.streams.live == 0 { // no index is in use, so the sweeps start again
		l.streams.trim()
		l.subs.trim()
		l.shards.trim()
		l.beats, l.cadence, l.flag, l.revoked, l.ends, l.firstEnd = sweep{}, sweep{}, sweep{}, sweep{}, sweep{}, 0
		l.dismissed = sweep{}
	}
	return busy
}

// sweepTask is a sweep, how long it takes, and what it does to each stream.
type sweepTask struct {
	*sweep
	over time.Duration
	do   func(uint32, *record, time.Time)
}

func (l *Loop) sweeps(heartbeat time.Duration) [6]sweepTask {
	return [6]sweepTask{
		{&l.beats, heartbeat, l.beat},
		{&l.cadence, 0, l.followCadence},
		{&l.ends, 0, l.endIfDue},
		{&l.flag, l.flagOver, l.followFlag},
		{&l.revoked, 0, l.followRevocations},
		{&l.dismissed, l.dismissOver, l.dismiss},
	}
}

// visit does a slice of a sweep, and reports whether more is due. do may end streams, even all.
func (l *Loop) visit(s *sweep, now time.Time, over time.Duration, do func(uint32, *record, time.Time)) (more bool) {
	if !s.running {
		return false
	}
	due := s.due(now, l.streams.high, over)
	begun := l.written
	for n := 0; s.at < due && n < mostVisits && l.written-begun < slice; n++ {
		s.at++
		if r := l.streams.at(s.at); r.fd != 0 {
			do(s.at, r, now)
		}
	}
	return s.at < due
}

// next returns when there is work even if nobody wakes the loop; zero: never.
func (l *Loop) next(now time.Time) time.Time {
	next := earliest(l.waits.next(), l.seconds.next(), l.lingers.next())
	if l.firstEnd != 0 {
		next = earliest(next, time.Unix(int64(l.firstEnd), 0))
	}
	for _, s := range l.sweeps(l.opt.Heartbeat().Every) {
		if s.running && s.over > 0 {
			next = earliest(next, s.next(l.streams.high, s.over))
		}
	}
	return next
}

// runTimers does what is due by the timers and ends.
func (l *Loop) runTimers(now time.Time) {
	for i, r := l.pop(&l.waits, now); r != nil; i, r = l.pop(&l.waits, now) {
		l.greetNow(i, r, now)
	}
	for i, r := l.pop(&l.seconds, now); r != nil; i, r = l.pop(&l.seconds, now) {
		l.sendSecond(i, r, now)
	}
	for i, r := l.pop(&l.lingers, now); r != nil; i, r = l.pop(&l.lingers, now) {
		l.free(i, r, r.Why())
	}
	if l.firstEnd != 0 && uint32(now.Unix()) >= l.firstEnd {
		l.firstEnd = 0
		l.ends.begin(now)
	}
}

// pop returns the next stream of t that is due and has not ended; nil: there is none.
func (l *Loop) pop(t *timers, now time.Time) (uint32, *record) {
	for {
		tag, ok := t.pop(now)
		if !ok {
			return 0, nil
		}
		if r := l.find(tag); r != nil {
			return tag.Index, r
		}
	}
}

// find returns the stream with a tag; nil: it has ended.
func (l *Loop) find(t Tag) *record {
	if t.Index == 0 || t.Index > l.streams.high {
		return nil
	}
	if r := l.streams.at(t.Index); r.fd != 0 && r.gen == t.Gen {
		return r
	}
	return nil
}

// noteEnd updates firstEnd for a stream that ends in this Unix second; 0: never.
func (l *Loop) noteEnd(end uint32) {
	if end != 0 && (l.firstEnd == 0 || end < l.firstEnd) {
		l.firstEnd = end
	}
}

// count reports the events sent: once a turn, not for each stream.
func (l *Loop) count() {
	if l.sent != (Counts{}) {
		l.opt.Sent(l.sent)
		l.sent = Counts{}
	}
}

// earliest returns the first of the times that are not zero.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
