package pace

import (
	"math/rand/v2"
	"sync"
	"time"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/version"
)

// spreader decides over which time browsers poll or open streams, so that they do not come all at once. It knows the fleet
// as of the last judgement.
type spreader struct {
	mu      sync.Mutex // guards all below
	backlog fallback.Backlog
	size    fallback.Size
	windows []fallback.Window  // by index of the project
	queue   fallback.Queue     // of callers that wait to open a stream
	queued  limits.RepeatGuard // of the queue
	asked   limits.RepeatGuard // of answers that make the caller poll
	greeted limits.RepeatGuard // of hellos that do

	returns  fallback.Queue     // of callers without a stream, who come back to ask why
	returned limits.RepeatGuard // of returns
}

// returnsPerSecond is how many callers without a stream this gateway lets come back in a second. Their answers cost little:
// this many take about a twentieth of a CPU.
const returnsPerSecond = 500

// resize takes the numbers of the fleet, and the room for news.
func (s *spreader) resize(r fallback.Room, size fallback.Size, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog.Resize(r, now)
	s.size = size
	for _, guard := range []*limits.RepeatGuard{&s.queued, &s.asked, &s.greeted, &s.returned} {
		guard.Sweep(now)
	}
}

// News returns the spread of an advance of the project with index i. own is how many streams of this gateway watch it; those
// of the fleet are estimated from that. A project that gets the index of another also gets its window. That one is mostly
// over by then: the hub keeps an unused project for longer than any spread, unless another project needs the place.
func (s *spreader) News(i version.Index, own int, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more := int(i) + 1 - len(s.windows); more > 0 {
		s.windows = append(s.windows, make([]fallback.Window, more)...)
	}
	return s.backlog.Announce(&s.windows[i], s.size.Watchers(own), now)
}

// Hello returns the spread of a hello that may make its page poll. Such hellos seldom come alone: the same cause makes
// browsers of other gateways poll too, so their estimated number is booked. Only the page knows its version, and so whether
// it must poll. So each of these hellos is booked, but of one caller only a few in ten seconds, as of a user with several
// tabs: who opens streams all the time delays nobody's news.
func (s *spreader) Hello(caller limits.Counted, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.askLocked(&s.greeted, caller, now)
}

// Answer returns the spread of an answer that makes its caller poll. The first answer to a caller also books the browsers of
// other gateways that are likely to poll for the same cause. A repeated one books only the caller.
func (s *spreader) Answer(caller limits.Counted, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.askLocked(&s.asked, caller, now)
}

func (s *spreader) askLocked(guard *limits.RepeatGuard, caller limits.Counted, now time.Time) time.Duration {
	spread, _ := guard.Take(caller, now, func(again bool) time.Duration {
		browsers := 1
		if !again {
			browsers = s.size.Watchers(1)
		}
		return s.backlog.Ask(browsers, now)
	})
	return spread
}

// Connect returns how long a caller should wait before it opens one more stream, if perSecond streams may open in a second.
// 0 or less: no limit, and no wait.
func (s *spreader) Connect(caller limits.Counted, perSecond int, now time.Time) time.Duration {
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
		wait += time.Duration(rand.Int64N(int64(fallback.MostWait)))
	}
	return wait
}

// Return returns after how long a caller without a stream should ask again, to learn of a change: after fast if few ask, so
// that a page soon notices that push is on again. If more than returnsPerSecond would come back in a second, later callers
// get a longer time.
func (s *spreader) Return(caller limits.Counted, fast time.Duration, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait, exhausted := s.returned.Take(caller, now, func(bool) (wait time.Duration) {
		s.returns, wait = s.returns.Join(returnsPerSecond, now)
		return wait
	})
	if exhausted { // many users may be behind one caller: they must not come at this pace
		wait = fallback.MostWait
	}
	return fast + wait.Truncate(time.Second) // the page adds its own jitter
}

// pending returns how many polls the fleet was asked for that have not come yet.
func (s *spreader) pending() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.Pending(time.Now())
}
