package limits

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// A burst begins when burstSize streams open within burstTime.
	burstSize = 100
	burstTime = time.Second
	// A burst is over when no further burstSize streams have opened for burstCalm.
	burstCalm = 25 * time.Second // by then callers who have a stream are mostly forgotten, so their memory is returned too
)

// Bursts counts the streams that open, and notices when many open at once. Use [NewBursts].
type Bursts struct {
	opened atomic.Uint64
	full   chan struct{} // holds a token when burstSize more streams have opened
}

// NewBursts returns a Bursts that has counted nothing.
func NewBursts() *Bursts { return &Bursts{full: make(chan struct{}, 1)} }

// Opened counts a stream that opens, and returns its number.
func (b *Bursts) Opened() uint64 {
	n := b.opened.Add(1)
	if n%burstSize == 0 {
		select {
		case b.full <- struct{}{}:
		default:
		}
	}
	return n
}

// Run calls tell with true when many streams begin to open at once, and with false when this is over, until ctx ends.
func (b *Bursts) Run(ctx context.Context, tell func(begins bool)) error {
	calm := time.NewTimer(burstCalm)
	calm.Stop() // there is no burst yet
	defer calm.Stop()
	var last time.Time // when burstSize streams were complete
	burst := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.full:
			now := time.Now()
			if !burst && now.Sub(last) < burstTime {
				burst = true
				tell(true)
			}
			if last = now; burst {
				calm.Reset(burstCalm)
			}
		case <-calm.C:
			burst = false
			tell(false)
		}
	}
}
