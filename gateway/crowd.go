package gateway

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// crowdStep is how many streams make a crowd: what they leave behind is more than what it costs to clear it away.
	crowdStep = 1000
	// crowdCalm is for how long no such number may come until a crowd has settled.
	crowdCalm = 10 * time.Second
)

// tidy gives memory back when a crowd has come and settled. Each request leaves some kilobytes of garbage on its way to a
// parked stream of a hundred bytes; an idle gateway allocates so little afterwards that the garbage collector would
// not run for minutes, and would keep what it found.
func (g *Gateway) tidy(ctx context.Context) error {
	calm := time.NewTimer(crowdCalm)
	calm.Stop() // there was no crowd yet
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.step:
			calm.Reset(crowdCalm)
		case <-calm.C:
			debug.FreeOSMemory()
		}
	}
}

// came counts a stream that opens, and returns its number.
func (g *Gateway) came() uint64 {
	n := g.turn.Add(1)
	if n%crowdStep == 0 {
		signal(g.step)
	}
	return n
}
