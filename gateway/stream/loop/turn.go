package loop

import (
	"time"

	"nudge/gateway/stream"
)

// turn does a slice of each kind of work, and reports whether some is left.
func (l *Loop) turn(now time.Time) (busy bool) {
	defer l.count()
	l.acceptArrivals(now)
	l.deliver(now)
	l.runTimers(now)
	busy = len(l.coming) > 0 || len(l.sending) > 0

	if l.streams.live > 0 && !l.beats.running {
		l.beats.begin(now)
	}
	for _, s := range l.sweeps {
		if l.visit(s, now) {
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
		for _, s := range l.sweeps {
			*s.sweep = sweep{}
		}
		l.firstEnd = 0
	}
	return busy
}

// sweepTask is a sweep, how long it takes, and what it does to each stream.
type sweepTask struct {
	*sweep
	over func() time.Duration
	do   func(uint32, *record, time.Time)
}

func (l *Loop) allSweeps() []sweepTask {
	judge := func(flag bool) func(uint32, *record, time.Time) {
		return func(i uint32, r *record, now time.Time) { l.judge(i, r, flag, now) }
	}
	atOnce := func() time.Duration { return 0 }
	return []sweepTask{
		{&l.beats, func() time.Duration { return l.opt.Heartbeat().Every }, l.beat},
		{&l.cadence, atOnce, l.on(stream.NewCadence)},
		{&l.ends, atOnce, l.endIfDue},
		{&l.flag, func() time.Duration { return l.flagOver }, judge(true)},
		{&l.revoked, atOnce, judge(false)},
		{&l.dismissed, func() time.Duration { return l.dismissOver }, l.on(stream.Dismissed)},
	}
}

// visit does a slice of a sweep, and reports whether more is due. do may end streams, even all.
func (l *Loop) visit(s sweepTask, now time.Time) (more bool) {
	if !s.running {
		return false
	}
	due := s.due(now, l.streams.high, s.over())
	begun := l.written
	for n := 0; s.at < due && n < mostVisits && l.written-begun < slice; n++ {
		s.at++
		if r := l.streams.at(s.at); r.fd != 0 {
			s.do(s.at, r, now)
		}
	}
	return s.at < due
}

// next returns when there is work even if nobody wakes the loop; zero: never.
func (l *Loop) next() time.Time {
	next := earliest(l.waits.next(), l.flushes.next(), l.seconds.next(), l.lingers.next())
	if l.firstEnd != 0 {
		next = earliest(next, time.Unix(int64(l.firstEnd), 0))
	}
	for _, s := range l.sweeps {
		if over := s.over(); s.running && over > 0 {
			next = earliest(next, s.next(l.streams.high, over))
		}
	}
	return next
}

// runTimers does what is due by the timers and ends.
func (l *Loop) runTimers(now time.Time) {
	for _, t := range []*timers{&l.waits, &l.flushes, &l.seconds, &l.lingers} {
		for tag, ok := t.pop(now); ok; tag, ok = t.pop(now) {
			if r := l.find(tag); r != nil {
				t.do(tag.Index, r, now)
			}
		}
	}
	if l.firstEnd != 0 && uint32(now.Unix()) >= l.firstEnd {
		l.firstEnd = 0
		l.ends.begin(now)
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
