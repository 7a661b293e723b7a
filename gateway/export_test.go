package gateway

import "time"

// Stall keeps the loops of g from doing anything for a time.
func (g *Gateway) Stall(d time.Duration) {
	for _, l := range g.loops {
		l.Post(func(time.Time) { time.Sleep(d) })
	}
}
