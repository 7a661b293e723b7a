package browser_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"nudge/cmd/nudge/simulate/browser"
)

// vector is one life of a page as the shim lived it, in testdata/vectors.json: web/test/vectors.test.js writes it.
type vector struct {
	Projects map[string]int64
	Steps    []struct {
		Now      float64
		Event    happening
		Draws    []float64
		Effects  []consequence
		Due      *float64
		Interval float64
		Have     []int64
	}
}

type happening struct {
	Kind                     string
	ID                       uint32
	Status                   int
	RetryAfter, PollInterval float64
	Versions                 map[string]int64
	Message                  *said
}

type consequence struct {
	Kind, Reason string
	ID           uint32
	Project      string
	Version      int64
}

// said is a message as on the wire.
type said struct {
	Push         string
	Poll         float64 `json:"poll_ms"`
	Fast         float64 `json:"fast_ms"`
	Heartbeat    float64 `json:"heartbeat_ms"`
	Jitter       *float64
	Gap          *float64 `json:"gap_ms"`
	Spread       float64  `json:"spread_ms"`
	Versions     map[string]int64
	Unknown      []string
	Project      string
	Version      *int64
	Reset        bool
	Reason       string
	After        float64 `json:"after_ms"`
	TTL          float64 `json:"ttl_ms"`
	ConnectAfter float64 `json:"connect_after_ms"`
	Denied, Off  []string
	Refusing     string
}

var (
	kinds = map[string]browser.Kind{
		"start": browser.Start, "tick": browser.Tick, "leave": browser.Leave, "back": browser.Back, "online": browser.Online,
		"hidden": browser.Hidden, "visible": browser.Visible, "refresh": browser.Refresh, "lost": browser.Lost,
		"hello": browser.Heard, "version": browser.Heard, "heartbeat": browser.Heard, "goodbye": browser.Heard,
		"replied": browser.Replied, "failed": browser.Failed, "polled": browser.Polled, "unpolled": browser.Unpolled,
	}
	names   = map[string]browser.Name{"hello": browser.Hello, "version": browser.Version, "heartbeat": browser.Heartbeat, "goodbye": browser.Goodbye}
	pushes  = map[string]browser.Push{"healthy": browser.Healthy, "degraded": browser.Degraded, "down": browser.Down, "off": browser.Off}
	reasons = map[string]browser.Reason{
		"drain": browser.Drain, "rotate": browser.Rotate, "off": browser.OffNow, "expired": browser.Expired, "revoked": browser.Revoked,
		"overload": browser.Overload,
	}
	causes = map[string]browser.Cause{
		"interval": browser.Interval, "news": browser.News, "behind": browser.Behind, "retry": browser.Retry, "return": browser.Return,
		"online": browser.Network, "refresh": browser.Wish,
	}
	effects = map[string]browser.EffectKind{
		"open": browser.Open, "close": browser.Close, "ask": browser.Ask, "poll": browser.Poll, "abort": browser.Abort,
		"report": browser.Report,
	}
)

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// message is what the shim reads out of what was said, in the words of the model.
func (s *said) message(ids []string, kind string) *browser.Message {
	index := slices.Index(ids, s.Project)
	if index < 0 {
		index = len(ids)
	}
	m := browser.Message{
		Push: pushes[s.Push], Poll: s.Poll, Fast: s.Fast, Heartbeat: s.Heartbeat, Jitter: or(s.Jitter, -1), Spread: s.Spread,
		Project: index, Version: or(s.Version, -1), Reset: s.Reset,
		Reason: reasons[s.Reason], After: s.After, TTL: s.TTL, ConnectAfter: s.ConnectAfter, Refusing: s.Refusing != "",
	}
	if s.Gap != nil {
		if m.Gap = *s.Gap; m.Gap == 0 {
			m.Gap = -1
		}
	}
	all := func(list []string) bool { return len(list) == len(ids) }
	m.Denied, m.Excluded = all(s.Denied), all(s.Off)
	for _, id := range ids {
		version, known := s.Versions[id]
		of := browser.Said{Version: version}
		switch {
		case known:
			of.Standing = browser.Known
		case slices.Contains(s.Unknown, id) && kind == "hello":
			of.Standing = browser.Unknown
		}
		m.Said = append(m.Said, of)
	}
	return &m
}

func (h *happening) event(ids []string) browser.Event {
	e := browser.Event{
		Kind: kinds[h.Kind], Name: names[h.Kind], Number: h.ID, Status: h.Status,
		RetryAfter: h.RetryAfter, PollInterval: h.PollInterval,
	}
	if h.Message != nil {
		e.Message = h.Message.message(ids, h.Kind)
	}
	if h.Versions != nil {
		for _, id := range ids {
			version, told := h.Versions[id]
			if !told {
				version = -1
			}
			e.Versions = append(e.Versions, version)
		}
	}
	return e
}

// The shim and its model decide the same, with the same chances, whatever happens.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var lives []vector
	if err := json.Unmarshal(text, &lives); err != nil {
		t.Fatal(err)
	}
	for i, life := range lives {
		ids := slices.Sorted(maps.Keys(life.Projects))
		slices.Reverse(ids) // as JavaScript has them: 7, 42
		var projects []browser.Project
		for _, id := range ids {
			projects = append(projects, browser.At(life.Projects[id]))
		}
		b := browser.New(projects, browser.Options{Hidden: 60_000})
		for n, step := range life.Steps {
			if _, known := kinds[step.Event.Kind]; !known {
				t.Fatalf("life %d, step %d: the model knows no %s", i, n, step.Event.Kind)
			}
			event, draws := step.Event.event(ids), 0
			random := func() float64 {
				draws++
				if draws > len(step.Draws) {
					return 0
				}
				return step.Draws[draws-1]
			}
			got := b.Reduce(&event, step.Now, random, nil)
			var want []browser.Effect
			for _, c := range step.Effects {
				e := browser.Effect{Kind: effects[c.Kind], Reason: causes[c.Reason], Number: c.ID, Version: c.Version}
				e.Project = max(0, slices.Index(ids, c.Project))
				want = append(want, e)
			}
			var haves []int64
			for _, p := range projects {
				haves = append(haves, p.Have)
			}
			due := or(step.Due, math.Inf(1))
			near := b.Due() == due || math.Abs(b.Due()-due) < 1e-6
			if !slices.Equal(got, want) || draws != len(step.Draws) || !near || math.Abs(b.Interval()-step.Interval) > 1e-6 || !slices.Equal(haves, step.Have) {
				t.Fatalf("life %d, step %d, %+v:\nthe model does %v, due %v, interval %v, has %v, after %d draws\nthe shim does  %v, due %v, interval %v, has %v, after %d draws",
					i, n, step.Event, got, b.Due(), b.Interval(), haves, draws, want, due, step.Interval, step.Have, len(step.Draws))
			}
		}
	}
}
