package stream

import (
	"slices"
	"sync"
	"time"
)

const (
	cutPeriod  = time.Minute     // ends are judged together for this long
	cutSilence = time.Hour       // between two findings
	cutSample  = 256             // ages that are kept of one period, the first ones
	cutFewest  = 10              // ends of which something can be said
	cutLeast   = 2 * time.Second // below it, pages were left or reloaded
	cutBirths  = 1024            // streams whose age is known
)

// Cuts finds out whether something in front ends streams after a fixed time: then most streams that their peers close within a
// minute have nearly the same age. Its zero value is ready, and safe for concurrent use. Its memory is bounded.
type Cuts struct {
	mu     sync.Mutex
	begun  time.Time // when this period began
	found  time.Time
	ages   []time.Duration      // of streams that ended in this period
	births map[uint32]time.Time // of some open streams, by number
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

// Ended notes that a stream has ended, and whether its peer closed it. It returns the age after which streams are ended, if
// that is to be logged now, at most once an hour; 0: nothing is. Ages near longest, the time for which the gateway itself keeps
// streams, say nothing; 0: it has no such time.
func (c *Cuts) Ended(number uint32, byPeer bool, longest time.Duration, now time.Time) (cut time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	birth, known := c.births[number]
	delete(c.births, number)
	if !known || !byPeer {
		return 0
	}
	if now.Sub(c.begun) >= cutPeriod {
		if now.Sub(c.found) >= cutSilence {
			cut = commonAge(c.ages, longest)
		}
		if cut > 0 {
			c.found = now
		}
		c.begun, c.ages = now, nil
	}
	if len(c.ages) < cutSample {
		c.ages = append(c.ages, now.Sub(birth))
	}
	return cut
}

// commonAge looks for an age within 10 %, or 1 s, of which 80 % of the streams ended; 0: there is none. It sorts ages.
func commonAge(ages []time.Duration, longest time.Duration) time.Duration {
	slices.Sort(ages)
	need := (4*len(ages) + 4) / 5
	for i := 0; len(ages) >= cutFewest && i+need <= len(ages); i++ {
		lo, hi, middle := ages[i], ages[i+need-1], ages[i+need/2]
		if lo >= cutLeast && (longest <= 0 || hi < longest*4/5) && hi-lo <= 2*max(middle/10, time.Second) {
			return middle
		}
	}
	return 0
}
