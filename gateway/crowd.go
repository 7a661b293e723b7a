package gateway

import (
	"context"
	"time"
)

const (
	// crowdStep is how many streams open until memory is worth giving back.
	crowdStep = 100
	// crowdCalm is how long no crowdStep may be complete before it is given back.
	crowdCalm = 10 * time.Second
)

// watchCrowds calls Options.Calm when a crowd of streams has opened.
func (g *Gateway) watchCrowds(ctx context.Context) error {
	calm := time.NewTimer(crowdCalm)
	calm.Stop() // there is no crowd yet
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.crowd:
			calm.Reset(crowdCalm)
		case <-calm.C:
			g.opt.Calm()
		}
	}
}

// countOpened counts a stream that opens, and returns its number.
func (g *Gateway) countOpened() uint64 {
	n := g.opened.Add(1)
	if n%crowdStep == 0 {
		signal(g.crowd)
	}
	return n
}
