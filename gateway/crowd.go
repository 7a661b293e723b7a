package gateway

import (
	"context"
	"time"
)

const (
	// crowdStep is how many streams are looked at together; two steps within crowdPace begin a crowd.
	crowdStep = 100
	crowdPace = time.Second
	// crowdCalm is for how long no step may come until a crowd has settled.
	crowdCalm = 10 * time.Second
)

// crowds tells Options.Crowd when parked streams begin to come in crowds, and when that is over.
func (g *Gateway) crowds(ctx context.Context) error {
	calm := time.NewTimer(crowdCalm)
	calm.Stop() // there is no crowd yet
	defer calm.Stop()
	var last time.Time // that a step came
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

// came counts a stream that opens, and returns its number.
func (g *Gateway) came() uint64 {
	n := g.turn.Add(1)
	if n%crowdStep == 0 {
		signal(g.crowd)
	}
	return n
}
