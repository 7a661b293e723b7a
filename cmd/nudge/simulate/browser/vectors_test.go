package browser_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"nudge/cmd/nudge/simulate/browser"
)

// vector is one life of a page as the shim lived it, in testdata/vectors.json: web/test/vectors.test.js records it.
type vector struct {
	Random   float64 // all random numbers of this life
	Projects map[string]int64
	More     bool // it has what the model does not have
	Steps    []step
}

// step is what happens at a time, what the page has done since the last step, and what is different then.
type step struct {
	At       float64
	Sleeps   bool // until then, so that no timer is on time
	Event    happening
	Out      []deed
	Interval *float64
	Have     map[string]int64
	Proven   *bool
}

type happening struct {
	Kind     string
	Number   uint32
	Status   int
	Headers  map[string]string
	Versions map[string]int64
	Message  *said
}

// deed is one thing that a page does.
type deed struct {
	At       float64
	Did      string
	Number   uint32
	Reason   string
	Projects map[string][]int64 // of a poll: what the page has, and what it wants
	Marks    map[string]int64   // of a stream or a question
	Project  string
	Version  int64
	Kind     string // of a report
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
		"start": browser.Start, "leave": browser.Leave, "back": browser.Back, "online": browser.Online,
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
	causes = map[browser.Cause]string{
		browser.Interval: "interval", browser.News: "news", browser.Behind: "behind", browser.Retry: "retry", browser.Return: "return",
		browser.Network: "online", browser.Wish: "refresh",
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
		Kind: kinds[h.Kind], Name: names[h.Kind], Number: h.Number, Status: h.Status,
		RetryAfter: h.header("Retry-After"), PollInterval: h.header("X-Poll-Interval"),
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

// header returns a wait that a header asks for in seconds, in milliseconds.
func (h *happening) header(name string) browser.Millis {
	seconds, _ := strconv.ParseFloat(h.Headers[name], 64) // absent: 0
	return 1000 * seconds
}

// life plays one vector with the model.
type life struct {
	*browser.Browser
	vector *vector
	ids    []string
	now    browser.Millis
	out    []deed
}

// begun is when lives begin: times must be above 0.
const begun = 1_000_000

func newLife(v *vector) *life {
	l := &life{vector: v, ids: slices.Sorted(maps.Keys(v.Projects)), now: begun}
	slices.Reverse(l.ids) // as JavaScript has them: 7, 42
	var projects []browser.Project
	for _, id := range l.ids {
		projects = append(projects, browser.At(v.Projects[id]))
	}
	b := browser.New(projects, browser.Options{Hidden: 60_000})
	l.Browser = &b
	return l
}

// give gives the page an event, and notes what it does.
func (l *life) give(e browser.Event) {
	for _, effect := range l.Reduce(&e, l.now, func() float64 { return l.vector.Random }, nil) {
		d := deed{At: l.now - begun, Number: effect.Number}
		switch effect.Kind {
		case browser.Open:
			d.Did, d.Marks = "open", l.marks()
		case browser.Close:
			d.Did = "close"
		case browser.Ask:
			d.Did, d.Marks = "ask", l.marks()
		case browser.Poll:
			d.Did, d.Reason, d.Projects = "poll", causes[effect.Reason], map[string][]int64{}
			for i, id := range l.ids {
				d.Projects[id] = []int64{l.Projects[i].Have}
				if want := l.Projects[i].Want(); want >= 0 {
					d.Projects[id] = append(d.Projects[id], want)
				}
			}
		case browser.Abort:
			if e.Kind == browser.Unpolled {
				continue
			}
			d.Did = "abort"
		case browser.Report:
			d.Did, d.Number, d.Project, d.Version = "report", 0, l.ids[effect.Project], effect.Version
		}
		l.out = append(l.out, d)
	}
}

func (l *life) marks() map[string]int64 {
	marks := map[string]int64{}
	for i, id := range l.ids {
		marks[id] = l.Projects[i].Mark()
	}
	return marks
}

// pass lets time pass, with the ticks that fall into it.
func (l *life) pass(until browser.Millis) {
	for n := 0; math.Ceil(l.Due()) <= until; n++ {
		if n > 10_000 {
			panic("it is due again and again")
		}
		l.now = max(l.now, math.Ceil(l.Due()))
		l.give(browser.Event{Kind: browser.Tick})
	}
	l.now = until
}

// order is that of what a page does within one millisecond, which may come in any order.
var order = []string{"abort", "poll", "close", "open", "ask", "report"}

// step does one step, and returns what the page has done.
func (l *life) step(s *step) []deed {
	l.out = nil
	if !s.Sleeps {
		l.pass(begun + s.At)
	}
	l.now = begun + s.At
	if s.Event.Kind != "time" {
		l.give(s.Event.event(l.ids))
	}
	slices.SortStableFunc(l.out, func(a, b deed) int {
		return cmp.Or(cmp.Compare(a.At, b.At), slices.Index(order, a.Did)-slices.Index(order, b.Did), cmp.Compare(a.Number, b.Number))
	})
	return l.out
}

// The shim and its model do the same, whatever happens.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var lives []vector
	if err := json.Unmarshal(text, &lives); err != nil {
		t.Fatal(err)
	}
	for i := range lives {
		if lives[i].More {
			continue
		}
		l := newLife(&lives[i])
		interval, proven, have := 0.0, false, map[string]int64{}
		for n := range l.vector.Steps {
			s := &l.vector.Steps[n]
			if _, known := kinds[s.Event.Kind]; !known && s.Event.Kind != "time" {
				t.Fatalf("life %d, step %d: the model knows no %s", i, n, s.Event.Kind)
			}
			got := l.step(s)
			s.Out = slices.DeleteFunc(s.Out, func(d deed) bool { return d.Kind == "ahead" }) // the model does not report these
			interval, proven = or(s.Interval, interval), or(s.Proven, proven)
			if s.Have != nil {
				have = s.Have
			}
			has := map[string]int64{}
			for k, id := range l.ids {
				has[id] = l.Projects[k].Have
			}
			if !slices.EqualFunc(got, s.Out, func(a, b deed) bool { return reflect.DeepEqual(a, b) }) || l.Interval() != interval || l.Proven() != proven || !maps.Equal(has, have) {
				t.Errorf("life %d, step %d, at %v: %+v:\nthe model does %v, interval %v, has %v, proven %v\nthe shim does  %v, interval %v, has %v, proven %v",
					i, n, s.At, s.Event, got, l.Interval(), has, l.Proven(), s.Out, interval, have, proven)
				break
			}
		}
	}
}
