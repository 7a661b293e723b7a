package demo

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// working runs an application in fake time, in which a page polls every 3 s while watched is true. Each change of the board
// must be announced.
func working(t *testing.T, test func(app *App, watched *atomic.Bool)) {
	synctest.Test(t, func(t *testing.T) {
		var announced atomic.Int64
		app := New(Options{Publish: func(_ context.Context, c Change) error { announced.Store(c.Version); return nil }})
		ctx, stop := context.WithCancel(t.Context())
		var watched atomic.Bool
		watched.Store(true)
		var running sync.WaitGroup
		running.Go(func() {
			if err := app.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		running.Go(func() {
			tick := time.NewTicker(3 * time.Second)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if watched.Load() {
						readChanges(t, app, app.Version())
					}
				}
			}
		})
		test(app, &watched)
		stop()
		running.Wait()
		if app.Version() != announced.Load() {
			t.Errorf("the board is at %d, announced was %d", app.Version(), announced.Load())
		}
	})
}

func TestColleagueMovesAStoryEveryFewSeconds(t *testing.T) {
	working(t, func(app *App, _ *atomic.Bool) {
		readState(t, app) // a page opens
		time.Sleep(2 * time.Second)
		if app.Version() != seedVersion+1 {
			t.Errorf("%d moves 2 s after a page has opened, want 1", app.Version()-seedVersion)
		}
		time.Sleep(10 * time.Minute)
		d := readChanges(t, app, seedVersion)
		if n := len(d.Events); n < 90 || n > 200 {
			t.Errorf("%d moves in 10 min, want one every 3 to 7 s", n)
		}
		for i, e := range d.Events {
			if e.Writer != Mia || e.Kind != moved {
				t.Fatalf("%+v", e)
			}
			if i > 0 && e.Story == d.Events[i-1].Story {
				t.Errorf("%d and %d move the same story", e.Version-1, e.Version)
			}
		}
		s := readState(t, app)
		for _, c := range s.Columns {
			if n := len(titlesIn(s, c.ID)); n < 2 || n > 3 {
				t.Errorf("%d of %d stories are in %s: the board is not balanced", n, len(s.Stories), c.Name)
			}
		}
	})
}

func TestColleagueRestsWhenPausedOrAlone(t *testing.T) {
	working(t, func(app *App, watched *atomic.Bool) {
		readState(t, app)
		time.Sleep(time.Minute)
		rests := func(why string) {
			t.Helper()
			time.Sleep(longest + audience)
			before := app.Version()
			time.Sleep(10 * time.Minute)
			if n := app.Version() - before; n != 0 {
				t.Errorf("%d moves while %s", n, why)
			}
		}
		watched.Store(false)
		rests("no page is open")
		watched.Store(true)
		read[map[string]bool](t, ask(app, "POST", "/app/switches", "colleague=false"), http.StatusOK)
		rests("paused")
		read[map[string]bool](t, ask(app, "POST", "/app/switches", "colleague=true"), http.StatusOK)
		before := app.Version()
		time.Sleep(2 * longest)
		if app.Version() == before {
			t.Error("no move after the pause")
		}
	})
}
