package gateway

import (
	"math/rand/v2"
	"sync"
	"time"

	"nudge/fallback"
)

// spreader decides over which time browsers come, so that they are no herd. It knows the fleet as it was judged last.
type spreader struct {
	mu      sync.Mutex // guards all below
	backlog fallback.Backlog
	size    fallback.Size
	queue   fallback.Queue // of those who were told that they may open a stream
	queued  turns          // who they were,
	asked   turns          // and who asked for versions
}

// resize follows the fleet.
func (s *spreader) resize(r fallback.Room, size fallback.Size, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog.Resize(r, now)
	s.size = size
	s.queued.sweep(now)
	s.asked.sweep(now)
}

// news is the spread of news for so many streams of ours, and as many of the fleet as that makes likely.
func (s *spreader) news(w *fallback.Window, own int, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.Announce(w, s.size.Watchers(own), now)
}

// one is the spread for a single browser that is asked to poll. It is seldom alone: what asks one of ours asks others of
// the fleet.
func (s *spreader) one(now time.Time) time.Duration { return s.news(new(fallback.Window), 1, now) }

// answer is the spread of an answer that asks a caller to poll. One that comes again brings no others with it.
func (s *spreader) answer(caller uint32, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	spread, _ := s.asked.take(caller, now, func(again bool) time.Duration {
		browsers := 1
		if !again {
			browsers = s.size.Watchers(1)
		}
		return s.backlog.Announce(new(fallback.Window), browsers, now)
	})
	return spread
}

// hello is the spread of a hello. Whether it asks for a poll only the page knows, since it alone knows its version; so each
// counts that names a project, and news meanwhile is spread a little more than it need be.
func (s *spreader) hello(g *greeter, now time.Time) time.Duration {
	if !g.asks {
		return 0
	}
	return s.one(now)
}

// connect is when a caller may open one more stream, if so many may in a second; 0 or less: at once.
func (s *spreader) connect(caller uint32, perSecond int, now time.Time) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wait, more := s.queued.take(caller, now, func(bool) (wait time.Duration) {
		s.queue, wait = s.queue.Join(perSecond, now)
		return wait
	})
	if more { // an application may give all its users one subject: they must not come at one moment
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
