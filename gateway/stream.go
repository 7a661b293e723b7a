package gateway

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/version"
)

// stream is one browser's stream: what it is to be told, and when. It knows nothing of connections, so
// that every kind of stream shares it.
type stream struct {
	*watch
	g   *Gateway
	who *auth.Caller

	greetBy time.Time // zero: greeted
	beatAt  time.Time // of the next heartbeat
	expire  time.Time // zero: never
	rotate  time.Time // zero: never
	covered bool      // all projects are served, as counted
	settled bool      // the heartbeat after the first hello was sent
	anew    bool      // a hello is due
}

// newStream plans a stream that opens now.
func (g *Gateway) newStream(who *auth.Caller, slots []slot, now time.Time) *stream {
	c := g.current.Load()
	s := &stream{
		watch: newWatch(slots), g: g, who: who,
		greetBy: now.Add(helloMost),
		expire:  expiry(who, c.Auth.Leeway, now, rand.Float64()),
		covered: true,
	}
	s.rotate = rotation(c.Limits.StreamAge, now, rand.Float64())
	s.recast = true // the flag may change between the judging of slots and the joining of the hub
	return s
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
		b = appendRetry(b, retryTime())
		b = append(s.helloLocked(b, now), padding...)
	}
	if s.anew {
		b = s.helloLocked(b, now)
	}
	b = s.newsLocked(b, now)
	if s.beat || !now.Before(s.beatAt) {
		b = s.beatLocked(b, now)
	}
	if every := s.g.pace.Now().Heartbeat; s.beatAt.After(now.Add(every)) { // it was made shorter
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
		slot.told = slot.told.then(f)
		s.g.metrics.versions.Inc()
	}
	return b
}

func (s *stream) helloLocked(b []byte, now time.Time) []byte {
	s.beat, s.anew = false, false
	greeter := newGreeter(s.g.opt.Node)
	for i := range s.slots {
		slot := &s.slots[i]
		slot.news = nil // it is in what follows
		if slot.standing == served {
			slot.state(s.g.board)
		}
		greeter.project(slot.project, slot.standing, slot.told)
	}
	s.g.metrics.hellos.Inc()
	s.recount(greeter.covers())
	return greeter.append(b, s.g.pace.Now(), greeter.spread(s.g.pace, now), s.who.Left(now))
}

func (s *stream) beatLocked(b []byte, now time.Time) []byte {
	c := s.g.pace.Now()
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
	return append(b, c.Event...)
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
	c, bucket := s.g.current.Load(), fallback.BucketOf(s.who.Subject)
	whole := c.revoked.Match(s.who, version.Project{})
	changed, left, revoked := false, false, false
	for i := range s.slots {
		slot := &s.slots[i]
		if slot.standing == denied {
			continue
		}
		now := off
		switch {
		case c.revoked.Match(s.who, slot.project):
			now, revoked = denied, true
		case c.Flag.Allows(bucket, slot.project.String()):
			now, left = served, true
		}
		changed = changed || now != slot.standing
		slot.standing = now
	}
	s.mu.Unlock()
	switch {
	case whole || revoked && !left:
		s.end(goodbye{Reason: reasonRevoked})
		return
	case !left:
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

// recount keeps count of whether all projects are served.
func (s *stream) recount(covers bool) {
	s.g.recount(s.covered, covers)
	s.covered = covers
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
			limit := s.g.patience()
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
