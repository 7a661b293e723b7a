package gateway

import (
	"context"
	"strconv"
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
	g.revokeLocked([]Revocation{r}, nil)
	return nil
}

// MeetShadow exchanges the sums of pages in shadow with the fleet now.
func (g *Gateway) MeetShadow(ctx context.Context) { g.shadow.Meet(ctx, time.Now()) }

// Stall keeps the loops of g from doing anything for a time.
func (g *Gateway) Stall(d time.Duration) {
	for _, l := range g.loops {
		l.Post(func(time.Time) { time.Sleep(d) })
	}
}

// RevokeMany revokes the tokens with ids from first on, below last, at this gateway alone.
func (g *Gateway) RevokeMany(first, last int, until time.Time) {
	var all []Revocation
	for i := first; i < last; i++ {
		all = append(all, Revocation{ID: strconv.Itoa(i), Until: until})
	}
	g.change.Lock()
	defer g.change.Unlock()
	g.revokeLocked(all, nil)
}
