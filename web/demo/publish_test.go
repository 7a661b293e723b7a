package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func failIfCalled(t *testing.T) func(context.Context, Change) error {
	return func(_ context.Context, c Change) error {
		t.Errorf("published %d", c.Version)
		return nil
	}
}

// Whoever hears the hint polls at once, so the change must be there: publish
// itself polls here. It would hang if it were called under the board's lock.
func TestPublishComesAfterCommit(t *testing.T) {
	var app *App
	var calls []string
	app = New(Options{Publish: func(_ context.Context, c Change) error {
		d := readChanges(t, app, c.Prev)
		if d.Version != c.Version || len(d.Events) != 1 || d.Events[0].Version != c.Version {
			t.Errorf("at the hint for %d the board answered %+v", c.Version, d)
		}
		calls = append(calls, fmt.Sprintf("%d after %d by %q", c.Version, c.Prev, c.Writer))
		return nil
	}})
	for _, request := range [][2]string{{"", "title=a"}, {"/1/move", "column=done&writer=tab-1"}, {"/1/rename", "title=b"}} {
		w := ask(app, "POST", storiesPath+request[0], request[1])
		if got := read[outcome](t, w, w.Code); !got.Announced {
			t.Errorf("%q: %+v", request, got)
		}
	}
	if want := []string{`124 after 123 by ""`, `125 after 124 by "tab-1"`, `126 after 125 by ""`}; !slices.Equal(calls, want) {
		t.Errorf("published %q, want %q", calls, want)
	}
}

func TestFailedPublishKeepsTheChange(t *testing.T) {
	var log strings.Builder
	app := New(Options{
		Publish: func(context.Context, Change) error { return errors.New("nobody there") },
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	got := read[outcome](t, ask(app, "POST", storiesPath, "title=a"), http.StatusCreated)
	if got.Announced || got.Version != 124 || app.Version() != 124 {
		t.Errorf("%+v, board at %d", got, app.Version())
	}
	if !strings.Contains(log.String(), "nobody there") {
		t.Errorf("log: %q", &log)
	}
}

func TestPublishOutlivesTheRequestButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := New(Options{Publish: func(ctx context.Context, _ Change) error {
			if err := ctx.Err(); err != nil {
				t.Errorf("the hint was dropped with its request: %v", err)
			}
			<-ctx.Done()
			return ctx.Err()
		}})
		ctx, gone := context.WithCancel(t.Context())
		gone()
		r := httptest.NewRequestWithContext(ctx, "POST", "http://127.0.0.1"+storiesPath, strings.NewReader("title=a"))
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r) // returns, in fake time, or the bubble reports a deadlock
		if got := read[outcome](t, w, http.StatusCreated); got.Announced {
			t.Errorf("%+v", got)
		}
	})
}

// The page applies the change that comes with its news as it applies one of a poll, so both must be the same.
func TestNewsCarriesTheChangeUnlessTurnedOff(t *testing.T) {
	var got []Change
	app := New(Options{Publish: func(_ context.Context, c Change) error { got = append(got, c); return nil }})
	ask(app, "POST", storiesPath, "title=a&writer=tab-1")
	read[map[string]bool](t, ask(app, "POST", "/app/switches", "data=false"), http.StatusOK)
	ask(app, "POST", storiesPath, "title=b")
	var e event
	if err := json.Unmarshal(got[0].Data, &e); err != nil || e != readChanges(t, app, 123).Events[0] {
		t.Errorf("published %s, %v; polled %+v", got[0].Data, err, readChanges(t, app, 123).Events[0])
	}
	if got[1].Data != nil {
		t.Errorf("published %s after it was turned off", got[1].Data)
	}
}

// A hint that hangs must not keep others from polling or changing the board.
func TestSlowPublishHoldsNobodyUp(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	app := New(Options{Publish: func(_ context.Context, c Change) error {
		if c.Version == 124 {
			close(entered)
			<-release
		}
		return nil
	}})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		ask(app, "POST", storiesPath, "title=slow")
	}()
	select {
	case <-entered:
	case <-answered:
		t.Fatal("answered without publishing")
	}
	read[outcome](t, ask(app, "POST", storiesPath, "title=quick"), http.StatusCreated)
	if d := readChanges(t, app, 123); d.Version != 125 || len(d.Events) != 2 {
		t.Errorf("%+v", d)
	}
	close(release)
	<-answered
}

func TestManyAtOnce(t *testing.T) {
	var mu sync.Mutex
	published := map[int64]int{}
	app := New(Options{Publish: func(_ context.Context, c Change) error {
		mu.Lock()
		defer mu.Unlock()
		published[c.Version]++
		if c.Prev != c.Version-1 {
			t.Errorf("%d published with prev %d", c.Version, c.Prev)
		}
		return nil
	}})
	past := readState(t, app)

	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			for i := range 15 {
				ask(app, "POST", storiesPath, fmt.Sprintf("title=story %d of %d", i, n))
				ask(app, "POST", fmt.Sprintf("%s/%d/move", storiesPath, 1+i%12), "position=1&column="+columns[(n+i)%3].ID)
				ask(app, "POST", fmt.Sprintf("%s/%d/rename", storiesPath, 1+i%12), fmt.Sprintf("title=name %d of %d", i, n))
			}
		})
		wait.Go(func() {
			since := past.Version
			for range 40 {
				d := readChanges(t, app, since)
				for i, e := range d.Events {
					if e.Version != since+int64(i)+1 {
						t.Errorf("since %d: event %d is %d", since, i, e.Version)
					}
				}
				since = d.Version
			}
		})
	}
	wait.Wait()

	d := readChanges(t, app, past.Version)
	if int64(len(d.Events)) != d.Version-past.Version || len(d.Events) < 240 {
		t.Fatalf("%d events from %d to %d", len(d.Events), past.Version, d.Version)
	}
	if len(published) != len(d.Events) {
		t.Errorf("%d versions published of %d", len(published), len(d.Events))
	}
	replay := newBoard(past.Stories)
	for _, e := range d.Events {
		replay.apply(e)
	}
	if got, want := replay.state().Stories, readState(t, app).Stories; !slices.Equal(got, want) {
		t.Errorf("replayed:\n%v\nboard:\n%v", got, want)
	}
}
