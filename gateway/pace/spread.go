package pace

import (
	"math/rand/v2"
	"sync"
	"time"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/version"
)

// spreader decides over which time browsers come, so that they are no herd. It knows the fleet as it was when the pacer
// judged last.
type spreader struct {
	mu      sync.Mutex // guards all below
	backlog fallback.Backlog
	size    fallback.Size
	windows []fallback.Window  // of the spreads of projects, by index
	queue   fallback.Queue     // of those who were told when they may open a stream
	queued  limits.RepeatGuard // over the queue
	asked   limits.RepeatGuard // over answers that ask for a poll
}

// resize follows the fleet.
func (s *spreader) resize(r fallback.Room, size fallback.Size, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog.Resize(r, now)
	s.size = size
	s.queued.Sweep(now)
	s.asked.Sweep(now)
}

// News is the spread of an advance of a project that own streams of this gateway are told, and as many of the fleet as
// that makes likely. An index that goes to another project takes the window with it, which is mostly over by then: a
// project lingers for longer than any spread, unless another needs its room.
func (s *spreader) News(i version.Index, own int, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more := int(i) + 1 - len(s.windows); more > 0 {
		s.windows = append(s.windows, make([]fallback.Window, more)...)
	}
	return s.backlog.Announce(&s.windows[i], s.size.Watchers(own), now)
}

// Hello is the spread of a hello that asks its browser to poll. It is seldom alone: what makes one of our browsers poll
// makes others of the fleet poll too. Only the page knows whether it has to, since it alone knows its version. So each
// hello counts that names a project.
func (s *spreader) Hello(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.Ask(s.size.Watchers(1), now)
}

// Answer is the spread of an answer that asks a caller to poll. A caller that asks again brings no others of the fleet
// with it.
func (s *spreader) Answer(caller limits.Key, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	spread, _ := s.asked.Take(caller, now, func(again bool) time.Duration {
		browsers := 1
		if !again {
			browsers = s.size.Watchers(1)
		}
		return s.backlog.Ask(browsers, now)
	})
	return spread
}

// Connect is how long a caller should wait before it opens one more stream, if perSecond may be opened in a second; 0 or less:
// any number.
func (s *spreader) Connect(caller limits.Key, perSecond int, now time.Time) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wait, exhausted := s.queued.Take(caller, now, func(bool) (wait time.Duration) {
		s.queue, wait = s.queue.Join(perSecond, now)
		return wait
	})
	if exhausted { // an application may give all its users one subject: they must not come at one moment
		wait += time.Duration(rand.Int64N(int64(fallback.MostAway)))
	}
	return wait
}

// pending is how many browsers of the fleet were asked to poll and have yet to.
func (s *spreader) pending() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.Pending(time.Now())
}
