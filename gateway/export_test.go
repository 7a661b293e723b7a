package gateway

import (
	"time"

	"nudge/version/control"
)

// Revocation revokes tokens before they expire.
type Revocation = control.Revocation

// Revoke revokes tokens at this gateway alone.
func (g *Gateway) Revoke(r Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	g.revokeLocked(r)
	return nil
}

// Stall keeps the loops of g from doing anything for a time.
func (g *Gateway) Stall(d time.Duration) {
	for _, l := range g.loops {
		l.Post(func(time.Time) { time.Sleep(d) })
	}
}
