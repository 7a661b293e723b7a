package demo

import (
	"context"
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

func failIfCalled(t *testing.T) func(context.Context, string, int64, int64) error {
	return func(_ context.Context, project string, version, _ int64) error {
		t.Errorf("published %s@%d", project, version)
		return nil
	}
}

// Whoever hears the hint polls at once, so the change must be there: publish
// itself polls here. It would hang if it were called under the board's lock.
func TestPublishComesAfterCommit(t *testing.T) {
	var app *App
	var calls []string
	app = New(Options{Publish: func(_ context.Context, project string, version, prev int64) error {
		d := readChanges(t, app, prev)
		if d.Version != version || len(d.Events) != 1 || d.Events[0].Version != version {
			t.Errorf("at the hint for %d the board answered %+v", version, d)
		}
		calls = append(calls, fmt.Sprintf("%s@%d after %d", project, version, prev))
		return nil
	}})
	for _, request := range [][2]string{{"", "title=a"}, {"/1/move", "column=done"}, {"/1/rename", "title=b"}} {
		w := ask(app, "POST", storiesPath+request[0], request[1])
		if got := read[outcome](t, w, w.Code); !got.Announced {
			t.Errorf("%q: %+v", request, got)
		}
	}
	if want := []string{"42@124 after 123", "42@125 after 124", "42@126 after 125"}; !slices.Equal(calls, want) {
		t.Errorf("published %q, want %q", calls, want)
	}
}

func TestFailedPublishKeepsTheChange(t *testing.T) {
	var log strings.Builder
	app := New(Options{
		Publish: func(context.Context, string, int64, int64) error { return errors.New("nobody there") },
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
		app := New(Options{Publish: func(ctx context.Context, _ string, _, _ int64) error {
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

// A hint that hangs must not keep others from polling or changing the board.
func TestSlowPublishHoldsNobodyUp(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	app := New(Options{Publish: func(_ context.Context, _ string, version, _ int64) error {
		if version == 124 {
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
	app := New(Options{Publish: func(_ context.Context, _ string, version, prev int64) error {
		mu.Lock()
		defer mu.Unlock()
		published[version]++
		if prev != version-1 {
			t.Errorf("%d published with prev %d", version, prev)
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
