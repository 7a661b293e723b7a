package gateway

import (
	"context"
	"time"
)

const (
	// A crowd begins when crowdStep streams open within crowdPace.
	crowdStep = 100
	crowdPace = time.Second
	// A crowd is over when no further crowdStep streams have opened for crowdCalm.
	crowdCalm = 10 * time.Second
)

// watchCrowds calls Options.Crowd when a crowd of streams begins, and when it is over.
func (g *Gateway) watchCrowds(ctx context.Context) error {
	calm := time.NewTimer(crowdCalm)
	calm.Stop() // there is no crowd yet
	defer calm.Stop()
	var last time.Time // when crowdStep streams were complete
	crowd := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.crowd:
			now := time.Now()
			if !crowd && now.Sub(last) < crowdPace {
				crowd = true
				g.opt.Crowd(true)
			}
			if last = now; crowd {
				calm.Reset(crowdCalm)
			}
		case <-calm.C:
			crowd = false
			g.opt.Crowd(false)
		}
	}
}

// countOpened counts a stream that opens, and returns its number.
func (g *Gateway) countOpened() uint64 {
	n := g.opened.Add(1)
	if n%crowdStep == 0 {
		g.crowd.Set()
	}
	return n
}
