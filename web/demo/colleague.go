package demo

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Mia is the simulated colleague: the writer of her changes.
const Mia = "Mia"

const (
	// firstMove is how long after a page has opened the colleague moves a story, so that something happens at once.
	firstMove = 1500 * time.Millisecond
	// The colleague moves a story every shortest to longest.
	shortest, longest = 3 * time.Second, 7 * time.Second
	// audience is how long after a poll the colleague believes that somebody is looking.
	audience = 10 * time.Second
)

// colleague is somebody who works on the board while others look.
type colleague struct {
	paused   atomic.Bool
	polledAt atomic.Int64  // epoch milliseconds
	opened   chan struct{} // gets a token when a page opens; one slot
}

func newColleague() colleague { return colleague{opened: make(chan struct{}, 1)} }

// polled notes that a page asks for changes.
func (c *colleague) polled() { c.polledAt.Store(time.Now().UnixMilli()) }

// open notes that a page opens.
func (c *colleague) open() {
	c.polled()
	select {
	case c.opened <- struct{}{}:
	default:
	}
}

func (c *colleague) works() bool {
	return !c.paused.Load() && time.Now().UnixMilli()-c.polledAt.Load() < audience.Milliseconds()
}

// Run moves a story every few seconds, as a colleague would, until ctx ends. Nothing moves while no page is open. It returns
// nil.
func (a *App) Run(ctx context.Context) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.colleague.opened:
			timer.Reset(firstMove)
		case <-timer.C:
			if a.colleague.works() {
				if _, e, err := a.board.advance(Mia); err == nil && e.Version > 0 {
					a.announce(ctx, e)
				}
			}
			timer.Reset(shortest + rand.N(longest-shortest))
		}
	}
}

// advance moves a story of the fullest column to the top of the next one, so that the board stays balanced. A story that was
// moved last is left alone.
func (b *board) advance(writer string) (story, event, error) {
	b.mu.Lock()
	from, latest := 0, int64(0)
	for i, c := range columns {
		if len(b.order[c.ID]) > len(b.order[columns[from].ID]) {
			from = i
		}
	}
	if n := len(b.events); n > 0 {
		latest = b.events[n-1].Story
	}
	order := b.order[columns[from].ID]
	if len(order) == 0 {
		b.mu.Unlock()
		return story{}, event{}, noStory(0)
	}
	pick := rand.IntN(len(order))
	if order[pick] == latest {
		pick = (pick + 1) % len(order)
	}
	id := order[pick]
	b.mu.Unlock()
	// A visitor may move it first; then this is one more move.
	return b.move(id, columns[(from+1)%len(columns)].ID, 0, writer)
}
