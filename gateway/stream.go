package gateway

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// helloMost is how long a hello may wait for the source to listen.
	helloMost = 2 * time.Second
	// secondEvent follows the first hello: a browser that does not see it in time knows that something on the
	// way holds events back.
	secondEvent = time.Second
	// rotateJitter varies the age at which streams rotate.
	rotateJitter = 0.2
)

// stream is one browser's stream: what it is to be told, and when. It knows nothing of connections, so
// that every kind of stream shares it.
type stream struct {
	*watch
	g   *Gateway
	who *caller

	greetBy time.Time // zero: greeted
	beatAt  time.Time // of the next heartbeat
	expire  time.Time // zero: never
	rotate  time.Time // zero: never
	settled bool      // the heartbeat after the first hello was sent
	anew    bool      // a hello is due
}

// newStream plans a stream that opens now.
func (g *Gateway) newStream(who *caller, slots []slot, now time.Time) *stream {
	c := g.current.Load()
	s := &stream{
		watch: newWatch(slots), g: g, who: who,
		greetBy: now.Add(helloMost),
		expire:  expiry(who, c.Auth.Leeway, now, rand.Float64()),
	}
	if age := c.Limits.StreamAge; age > 0 {
		s.rotate = now.Add(time.Duration(float64(age) * (1 + rotateJitter*(2*rand.Float64()-1))))
	}
	s.recast = true // the flag may change between the judging of slots and the joining of the hub
	return s
}

// expiry is when a stream of who ends for its token: in the last fifth of the token's life, so that those
// who logged in together do not come back together, and never after it has expired. What opens within that
// last fifth gets half of what is left at least; what opens after it, while the leeway lasts, half of that.
func expiry(who *caller, leeway time.Duration, now time.Time, u float64) time.Time {
	if who.expires.IsZero() {
		return time.Time{}
	}
	end := who.expires
	if !end.After(now) {
		end = end.Add(leeway)
	}
	left := end.Sub(now)
	life := left
	if !who.issued.IsZero() && who.issued.Before(now) {
		life = who.expires.Sub(who.issued)
	}
	span := max(0, min(life/5, left/2))
	return end.Add(-time.Duration(float64(span) * u))
}

// take appends what is to be written now, and tells when to call again at the latest; ended is "" or why
// the stream ends after what was appended. Only the reader may call it.
func (s *stream) take(b []byte, now time.Time) (out []byte, again time.Time, ended reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.farewell != nil {
		return s.goodbyeLocked(b, *s.farewell)
	}
	if !s.expire.IsZero() && !now.Before(s.expire) {
		return s.goodbyeLocked(b, goodbye{Reason: reasonExpired})
	}
	if !s.rotate.IsZero() && !now.Before(s.rotate) {
		return s.goodbyeLocked(b, goodbye{Reason: reasonRotate})
	}
	if !s.greetBy.IsZero() {
		if now.Before(s.greetBy) && !s.listeningLocked(s.g.board) {
			return b, earliest(s.greetBy, s.expire, s.rotate), ""
		}
		s.greetBy = time.Time{}
		s.beatAt = now.Add(secondEvent)
		b = appendRetry(b, time.Second+time.Duration(rand.Int64N(int64(4*time.Second))))
		b = append(s.helloLocked(b, now), padding...)
	}
	if s.anew {
		b = s.helloLocked(b, now)
	}
	b = s.newsLocked(b, now)
	if s.beat || !now.Before(s.beatAt) {
		b = s.beatLocked(b, now)
	}
	if every := s.g.pulse.now().Heartbeat; s.beatAt.After(now.Add(every)) { // it was made shorter
		s.beatAt = now.Add(time.Duration(rand.Float64() * float64(every)))
	}
	return b, earliest(s.beatAt, s.expire, s.rotate), ""
}

// newsLocked appends what became of the offered frames.
func (s *stream) newsLocked(b []byte, now time.Time) []byte {
	begun := len(b)
	for i := range s.slots {
		slot := &s.slots[i]
		f := slot.news
		if f == nil {
			continue
		}
		slot.news = nil
		event := f.plain
		switch slot.told.follow(f) {
		case nothing:
			continue
		case anew:
			return s.helloLocked(b[:begun], now) // it says all, so the events before it need not
		case lower:
			event = f.reset
		case greater:
		}
		b = append(b, event...)
		slot.told = told{State: f.State, waiting: slot.told.waiting}
		s.g.metrics.versions.Inc()
	}
	return b
}

func (s *stream) helloLocked(b []byte, now time.Time) []byte {
	c := s.g.pulse.now()
	s.beat, s.anew = false, false
	h := hello{Protocol: protocol, Node: s.g.opt.Node, cadence: newCadence(c), holdings: s.holdLocked(s.g.board)}
	if !s.who.expires.IsZero() {
		left := max(0, int64(s.who.expires.Sub(now)/time.Second))
		h.TokenExpiresInS = &left
	}
	s.g.metrics.hellos.Inc()
	return appendEvent(b, "hello", h)
}

func (s *stream) beatLocked(b []byte, now time.Time) []byte {
	c := s.g.pulse.now()
	s.beat = false
	if !now.Before(s.beatAt) {
		s.beatAt = s.beatAt.Add(c.Heartbeat)
		if !s.settled { // those that came together need not beat together
			s.settled = true
			s.beatAt = now.Add(time.Duration(rand.Float64() * float64(c.Heartbeat)))
		}
		if s.beatAt.Before(now) { // written to late
			s.beatAt = now.Add(c.Heartbeat)
		}
	}
	s.g.metrics.heartbeats.Inc()
	return appendEvent(b, "heartbeat", newCadence(c))
}

func (s *stream) goodbyeLocked(b []byte, g goodbye) ([]byte, time.Time, reason) {
	s.g.metrics.goodbyes.Inc()
	return appendEvent(b, "goodbye", g), time.Time{}, g.Reason
}

// recastNow decides the standings anew if the flag changed. It reports goodbye when nothing is left.
func (s *stream) recastNow() {
	s.mu.Lock()
	if !s.recast {
		s.mu.Unlock()
		return
	}
	s.recast = false
	flag := s.g.current.Load().Flag
	changed, left := false, false
	for i := range s.slots {
		slot := &s.slots[i]
		if slot.standing == denied {
			continue
		}
		now := off
		if flag.Allows(s.who.subject, slot.project.String()) {
			now, left = served, true
		}
		changed = changed || now != slot.standing
		slot.standing = now
	}
	s.mu.Unlock()
	if !left {
		s.end(goodbye{Reason: reasonOff})
		return
	}
	if !changed {
		return
	}
	s.g.hub.rejoin(s.watch)
	s.mu.Lock()
	s.anew = true // what is not listened for yet is waiting in it, and gets another one
	s.mu.Unlock()
	s.signal()
}

func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// serve writes the stream to its browser, on the goroutine of its request, until it ends.
func (s *stream) serve(ctx context.Context, w http.ResponseWriter) reason {
	timer := time.NewTimer(0)
	defer timer.Stop()
	out := newPipe(w)
	var b []byte
	for {
		s.recastNow()
		now := time.Now()
		var again time.Time
		var ended reason
		b, again, ended = s.take(b[:0], now)
		if len(b) > 0 {
			limit := 2*s.g.pulse.now().Heartbeat + 30*time.Second
			if err := out.write(b, limit); err != nil {
				if time.Since(now) >= limit { // the error differs from one version of HTTP to the other
					return reasonStuck
				}
				return reasonGone
			}
		}
		if ended != "" {
			return ended
		}
		timer.Reset(time.Until(again))
		select {
		case <-ctx.Done():
			return reasonGone
		case <-s.wake:
		case <-timer.C:
		}
	}
}
