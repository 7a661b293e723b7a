package stream

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	cutPeriod  = time.Minute     // ends are judged together for this long
	cutSilence = time.Hour       // between two findings
	cutSample  = 256             // ages that are kept of one period
	cutFewest  = 10              // ends of which something can be said
	cutLeast   = 2 * time.Second // below it, pages were left or reloaded
	cutBirths  = 1024            // streams whose age is known
)

// Cuts finds out whether something in front ends streams after a fixed time: then most streams that their peers close within a
// minute have nearly the same age. Its zero value is ready, and safe for concurrent use. Its memory is bounded.
type Cuts struct {
	mu     sync.Mutex
	begun  time.Time
	found  time.Time
	ended  int // in this period; ages is a sample of them
	ages   [cutSample]time.Duration
	births map[uint32]time.Time // of some open streams, by number
	random func(n int) int      // for tests
}

// Opened notes that a stream has begun. Beyond some streams, it takes the place of another one.
func (c *Cuts) Opened(number uint32, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.births == nil {
		c.births = map[uint32]time.Time{}
	}
	if len(c.births) >= cutBirths {
		for other := range c.births { // any: those that stay open for long must not fill it
			delete(c.births, other)
			break
		}
	}
	c.births[number] = now
}

// Ended notes that a stream has ended, and whether its peer closed it. It returns the age after which streams are ended, and
// whether that is to be logged now: at most once an hour. Ages near longest, the time for which the gateway itself keeps
// streams, say nothing; 0: it has no such time.
func (c *Cuts) Ended(number uint32, byPeer bool, longest time.Duration, now time.Time) (cut time.Duration, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	birth, known := c.births[number]
	delete(c.births, number)
	if !known || !byPeer {
		return 0, false
	}
	if c.begun.IsZero() {
		c.begun = now
	}
	if now.Sub(c.begun) >= cutPeriod {
		cut, found = c.judge(longest)
		c.begun, c.ended = now, 0
		if found = found && (c.found.IsZero() || now.Sub(c.found) >= cutSilence); found {
			c.found = now
		}
	}
	c.note(now.Sub(birth))
	return cut, found
}

// note keeps an age. When there are too many, those that stay are a fair sample.
func (c *Cuts) note(age time.Duration) {
	c.ended++
	if c.ended <= cutSample {
		c.ages[c.ended-1] = age
		return
	}
	random := c.random
	if random == nil {
		random = rand.IntN
	}
	if i := random(c.ended); i < cutSample {
		c.ages[i] = age
	}
}

// judge looks for an age within 10 %, or 1 s, of which 80 % of the streams ended.
func (c *Cuts) judge(longest time.Duration) (time.Duration, bool) {
	n := min(c.ended, cutSample)
	if n < cutFewest {
		return 0, false
	}
	ages := slices.Clone(c.ages[:n])
	slices.Sort(ages)
	need := (4*n + 4) / 5
	for i := 0; i+need <= n; i++ {
		lo, hi, middle := ages[i], ages[i+need-1], ages[i+need/2]
		if lo >= cutLeast && (longest <= 0 || hi < longest*4/5) && hi-lo <= 2*max(middle/10, time.Second) {
			return middle, true
		}
	}
	return 0, false
}
