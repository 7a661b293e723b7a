package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
)

// deaf makes a source that listens only when confirm is called.
func deaf(r *fake) (confirm func(version.Mark, uint32)) {
	r.watch = func(p version.Project) { r.board.Open(p) }
	return func(m version.Mark, origin uint32) {
		r.board.Confirm(m.Project, version.Key{Version: m.Version, Known: m.Known}, origin)
	}
}

func TestHelloWaitsForTheSource(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		confirm := deaf(r.source)
		begun := time.Now()
		earlier, later := make(chan *tap, 1), make(chan *tap, 1)
		go func() { earlier <- r.open("/events?project=42") }()
		go func() { later <- r.open("/events?project=42&project=7") }()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if len(earlier) > 0 || r.streams() != 2 {
			t.Fatal("an answer before the source listens")
		}
		confirm(mark(t, "42@5"), 1)
		early := <-earlier
		hello := early.now()
		if len(hello) != 1 || !hello[0].at.Equal(begun.Add(500*time.Millisecond)) {
			t.Fatal(hello)
		}
		if d := cmp.Diff(object{"42": 5.0}, hello[0].json(t)["versions"]); d != "" {
			t.Error(d)
		}

		late := <-later
		partly := late.next("hello")
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("hello after %v", waited)
		}
		if d := cmp.Diff([]any{partly["versions"], partly["waiting"]}, []any{object{"42": 5.0}, []any{"7"}}); d != "" {
			t.Error(d)
		}
		confirm(mark(t, "7"), 1) // also one without a version: unknown asks for a poll, waiting for fast ones
		if got := late.next("hello"); cmp.Diff(got["unknown"], []any{"7"}) != "" || len(got["waiting"].([]any)) > 0 {
			t.Error(got)
		}
	})
}

func TestNewsWhileWaiting(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		confirm := deaf(r.source)
		s := r.open("/events?project=42")
		s.next("hello")
		r.source.board.Message(version.News{Project: mark(t, "42").Project, Version: 8})
		if got := s.next("version"); got["version"] != 8.0 {
			t.Error(got)
		}
		confirm(mark(t, "42@8"), 1)
		if got := s.next("hello"); cmp.Diff(got["versions"], object{"42": 8.0}) != "" {
			t.Error(got)
		}
	})
}

func TestGap(t *testing.T) {
	for name, test := range map[string]struct {
		key    string
		origin uint32
		event  string // what the stream is told; "": nothing
		want   object
	}{
		"nothing was lost":         {"42@5", 1, "", nil},
		"news came meanwhile":      {"42@6", 1, "version", object{"project": "42", "version": 6.0, "spread_ms": 0.0}},
		"another data set":         {"42@9", 2, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
		"the key fell":             {"42@4", 1, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
		"the key went":             {"42", 1, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
		"no telling which set":     {"42@5", 0, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
		"no telling, key far on":   {"42@99", 0, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
		"another set, same number": {"42@5", 7, "hello", object{"versions": object{}, "unknown": []any{"42"}}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.news("42@5")
				s := r.open("/events?project=42")
				s.next("hello")
				s.next("heartbeat")
				r.source.board.Gap()
				if got := s.now(); len(got) > 0 {
					t.Fatalf("the gap itself was told: %v", got)
				}
				m := mark(t, test.key)
				r.source.board.Confirm(m.Project, version.Key{Version: m.Version, Known: m.Known}, test.origin)
				got := s.now()
				if test.event == "" {
					if len(got) > 0 {
						t.Fatal(got)
					}
					return
				}
				if len(got) != 1 || got[0].Type != test.event {
					t.Fatal(got)
				}
				said := got[0].json(t)
				for name, want := range test.want {
					if d := cmp.Diff(want, said[name]); d != "" {
						t.Errorf("%s: %s", name, d)
					}
				}
			})
		})
	}
}

// A stream that opens in the middle of a gap must not be told a belief from before it.
func TestOpenedInAGap(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@5")
		r.open("/events?project=42").next("hello")
		r.source.board.Gap()
		s := r.open("/events?project=42")
		if got := s.next("hello"); cmp.Diff(got["waiting"], []any{"42"}) != "" || len(got["versions"].(object)) > 0 {
			t.Fatal(got)
		}
		s.now()
		r.source.board.Message(version.News{Project: mark(t, "42").Project, Version: 3, Reset: true})
		if got := only("version", s.now()); len(got) > 0 {
			t.Errorf("a reset of a version that was never named: %v", got)
		}
		r.source.board.Confirm(mark(t, "42").Project, version.Key{Version: 3, Known: true}, 1)
		if got := s.next("hello"); cmp.Diff(got["versions"], object{"42": 3.0}) != "" {
			t.Error(got)
		}
	})
}

func TestExcludedAndBack(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		r.news("42@1", "7@1")
		s := r.open("/events?project=42&project=7")
		s.next("hello")
		s.next("heartbeat")

		r.apply(func(s *gateway.Settings) { s.Flag.Exclude = []string{"7"} })
		if got := s.next("hello"); cmp.Diff(got["off"], []any{"7"}) != "" || cmp.Diff(got["versions"], object{"42": 1.0}) != "" {
			t.Fatal(got)
		}
		r.news("7@2")
		if got := s.now(); len(got) > 0 {
			t.Fatalf("news of what is off: %v", got)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Exclude = nil })
		if got := s.next("hello"); len(got["off"].([]any)) > 0 || cmp.Diff(got["versions"], object{"42": 1.0, "7": 2.0}) != "" {
			t.Fatal(got)
		}
		r.news("7@3")
		if got := s.next("version"); got["version"] != 3.0 {
			t.Error(got)
		}

		r.apply(func(s *gateway.Settings) { s.Flag.Include = []string{"42", "x"} })
		if got := s.next("hello"); cmp.Diff(got["off"], []any{"7"}) != "" {
			t.Error(got)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Include = []string{"x*"} })
		if got := s.next("goodbye"); got["reason"] != "off" {
			t.Error(got)
		}
	})
}

func TestNothingChangesForOthers(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		s.next("heartbeat")
		r.apply(func(s *gateway.Settings) { s.Flag.Exclude = []string{"7"} })
		if got := s.now(); len(got) > 0 {
			t.Error(got)
		}
	})
}
