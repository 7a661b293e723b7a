package gateway

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/version"
)

// inside is a gateway that runs, without HTTP.
func inside(t *testing.T, s Settings) *Gateway {
	t.Helper()
	g, err := New(Options{Settings: s, Source: func(b *version.Board, h Host) (version.Source, error) {
		return version.NewMemory(b, version.MemoryOptions{Evidence: h.Evidence}), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g
}

// The flag may change after a stream was judged and before it is known to the hub. It must not stay.
func TestFlagChangesWhileAStreamOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := Settings{Flag: fallback.Flag{Enabled: true, Percent: 100}}
		g := inside(t, on)
		marks, err := parseMarks("project=42", limits.MostProjects)
		if err != nil {
			t.Fatal(err)
		}
		who := &auth.Caller{Open: true}
		slots := g.standings(who, marks)
		s := g.newStream(who, slots, time.Now())
		if err := g.Apply(Settings{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !g.hub.join(s.watch) {
			t.Fatal("closed")
		}
		defer g.hub.leave(s.watch)
		s.recastNow()
		if _, _, ended := s.take(nil, time.Now()); ended != reasonOff {
			t.Errorf("ended: %q", ended)
		}
	})
}

// What was offered before a project was switched off must not be told afterwards.
func TestOfferedBeforeItWasOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flag := fallback.Flag{Enabled: true, Percent: 100}
		g := inside(t, Settings{Flag: flag})
		marks, err := parseMarks("project=42&project=7", limits.MostProjects)
		if err != nil {
			t.Fatal(err)
		}
		who := &auth.Caller{Open: true}
		s := g.newStream(who, g.standings(who, marks), time.Now())
		g.hub.join(s.watch)
		defer g.hub.leave(s.watch)
		s.recastNow()
		s.take(nil, time.Now())
		if _, err := g.source.Publish(t.Context(), []version.News{{Project: marks[0].Project, Version: 9}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		flag.Exclude = []string{"42"}
		if err := g.Apply(Settings{Flag: flag}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.recastNow()
		b, _, _ := s.take(nil, time.Now())
		if got := string(b); !strings.Contains(got, `"off":["42"]`) || strings.Contains(got, "event: version") {
			t.Errorf("%s", got)
		}
	})
}
