package gateway

import (
	"context"
	"time"
)

const (
	// A burst begins when burstSize streams open within burstTime.
	burstSize = 100
	burstTime = time.Second
	// A burst is over when no further burstSize streams have opened for burstCalm.
	burstCalm = 10 * time.Second
)

// watchBursts calls Options.ConnectBurst when many streams begin to open at once, and when this is over.
func (g *Gateway) watchBursts(ctx context.Context) error {
	calm := time.NewTimer(burstCalm)
	calm.Stop() // there is no burst yet
	defer calm.Stop()
	var last time.Time // when burstSize streams were complete
	burst := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.burst:
			now := time.Now()
			if !burst && now.Sub(last) < burstTime {
				burst = true
				g.opt.ConnectBurst(true)
			}
			if last = now; burst {
				calm.Reset(burstCalm)
			}
		case <-calm.C:
			burst = false
			g.opt.ConnectBurst(false)
		}
	}
}

// countOpened counts a stream that opens, and returns its number.
func (g *Gateway) countOpened() uint64 {
	n := g.opened.Add(1)
	if n%burstSize == 0 {
		g.burst.Set()
	}
	return n
}
