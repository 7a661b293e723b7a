package gateway

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// tidyEvery is how often it is looked whether a crowd has come and settled.
	tidyEvery = 10 * time.Second
	// tidyCrowd is how many requests make a crowd: what a thousand leave behind is more than what it costs to
	// clear it away.
	tidyCrowd = 1000
)

// tidy gives memory back after a crowd came. Each request leaves some ten kilobytes of garbage on its way to a
// parked stream of a hundred bytes; an idle gateway allocates so little afterwards that the garbage collector would
// not run for minutes, and would keep what it found.
func (g *Gateway) tidy(ctx context.Context) error {
	look := time.NewTicker(tidyEvery)
	defer look.Stop()
	var seen, cleared uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		before := seen
		seen = g.turn.Load()
		if seen-before < tidyCrowd/10 && seen-cleared >= tidyCrowd {
			cleared = seen
			debug.FreeOSMemory()
		}
	}
}
