package faults

import (
	"strings"
	"testing"
	"time"
)

const s = time.Second

// good is a history without fault: one stream, two projects, a fault from 10 s to 15 s, told and healed in time.
func good() *record {
	return &record{
		probe: s / 2, fault: 10 * s, repair: 15 * s, end: 30 * s,
		news: []publication{
			{project: "a", version: 100, begun: 1 * s, acked: 1 * s},
			{project: "b", version: 100, begun: 1 * s, acked: 1 * s},
			{project: "a", version: 110, begun: 5 * s, acked: 5 * s},
			{project: "a", version: 120, begun: 12 * s, acked: 12 * s},
			{project: "b", version: 110, begun: 13 * s},
			{project: "a", version: 130, begun: 20 * s, acked: 20 * s},
		},
		streams: []stream{{name: "0", projects: []string{"a", "b"}, said: []said{
			{at: 2 * s, event: hello, push: "healthy", versions: map[string]int64{"a": 100}, unknown: []string{"b"}},
			{at: 3 * s, event: heartbeat, push: "healthy"},
			{at: 5 * s, event: advance, project: "a", version: 110},
			{at: 13 * s, event: heartbeat, push: "down"},
			{at: 16 * s, event: hello, push: "degraded", versions: map[string]int64{"a": 120}, unknown: []string{"b"}},
			{at: 18 * s, event: heartbeat, push: "healthy"},
			{at: 20 * s, event: advance, project: "a", version: 130},
		}}},
	}
}

func TestJudge(t *testing.T) {
	strict := expect{push: down, within: 2 * s, hello: true}
	tests := []struct {
		name   string
		spoil  func(r *record, said []said) // of the one stream
		expect expect
		want   string // part of a complaint; "": none
	}{
		{"good", func(*record, []said) {}, strict, ""},
		{"closed", func(r *record, _ []said) {
			r.streams[0].said = append(r.streams[0].said, said{at: 21 * s, event: ended})
		}, strict, "ended at 21s"},
		{"sent away", func(r *record, _ []said) {
			r.streams[0].said = append(r.streams[0].said, said{at: 21 * s, event: goodbye})
		}, strict, "goodbye at 21s"},
		{"never told", func(_ *record, e []said) { e[3].push, e[4].push = "healthy", "healthy" }, strict, "never told of the fault"},
		{"told late", func(_ *record, e []said) { e[3].at = 14*s + 1 }, strict, "told of the fault after 4.000000001s"},
		{"only degraded", func(_ *record, e []said) { e[3].push = "degraded" }, strict, "never told of the fault"},
		{"degraded will do", func(_ *record, e []said) { e[3].push = "degraded" }, expect{push: degraded, within: 2 * s}, ""},
		{"nothing to tell", func(_ *record, e []said) { e[3].push, e[4].push = "healthy", "healthy" }, expect{within: 2 * s}, ""},
		{"healthy meanwhile", func(r *record, e []said) {
			r.streams[0].said = append(e[:4:4], append([]said{{at: 14 * s, event: heartbeat, push: "healthy"}}, e[4:]...)...)
		}, strict, "told that push is healthy at 14s"},
		{"never well again", func(_ *record, e []said) { e[5].push = "degraded" }, strict, "never told that push is healthy again"},
		{"ill again", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 22 * s, event: heartbeat, push: "degraded"})
		}, strict, "never told that push is healthy again"},
		{"late after the repair", func(_ *record, e []said) { e[6].at = 22*s + 1 }, strict, "heard of a@130 at 22.000000001s"},
		{"well late", func(r *record, e []said) { e[5].at = 22*s + 1; e[5], e[6] = e[6], e[5] }, strict, "healthy 7.000000001s after the repair"},
		{"no new hello", func(_ *record, e []said) { e[4] = said{at: 16 * s, event: advance, project: "a", version: 120} }, strict, "b: there was no new hello"},
		{"an old hello", func(_ *record, e []said) { e[4].versions["a"] = 100 }, strict, "a: there was no new hello"},
		{"a late hello", func(_ *record, e []said) { e[4].at = 17*s + 1 }, strict, "the new hello came 2.000000001s after"},
		{"a hello that waits", func(_ *record, e []said) { e[4].unknown, e[4].waiting = nil, []string{"b"} }, strict, "b: there was no new hello"},
		{"deaf", func(r *record, e []said) { r.streams[0].said = e[:6] }, strict, "never heard of a@130"},
		{"deaf to what was missed", func(r *record, e []said) { e[4].versions["a"] = 110; r.streams[0].said = e[:6]; r.news = r.news[:5] }, strict, "never heard of a@120"},
		{"a lost version", func(r *record, e []said) {
			e[4].versions["a"] = 110
			r.streams[0].said = e[:6]
			r.news = r.news[:5]
			r.news[3].lost = true
		}, strict, ""},
		{"late before the fault", func(_ *record, e []said) { e[2].at = 7*s + 1 }, strict, "heard of a@110 at 7.000000001s"},
		{"unknown will do", func(r *record, e []said) {
			e[4].versions, e[4].unknown = nil, []string{"a", "b"}
		}, strict, ""},
		{"unknown before it was published", func(r *record, e []said) {
			e[0].versions, e[0].unknown = nil, []string{"a", "b"}
			r.streams[0].said = append(e[:2:2], e[3:]...)
		}, strict, "heard of a@110 at 16s"},
		{"backwards", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 120})
		}, strict, "a went back from 130 to 120"},
		{"backwards by a reset", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 120, reset: true})
		}, strict, ""},
		{"upwards to what was before a reset", func(r *record, e []said) {
			r.news = append(r.news, publication{project: "a", version: 50, reset: true, begun: 21 * s, acked: 21 * s})
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 50, reset: true},
				said{at: 22 * s, event: advance, project: "a", version: 130})
		}, strict, "a went back from 50 to 130"},
		{"a reset that is not called one", func(r *record, e []said) {
			r.news = append(r.news, publication{project: "a", version: 50, reset: true, begun: 21 * s, acked: 21 * s})
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 50})
		}, strict, "a went back from 130 to 50"},
		{"backwards by a hello", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: hello, push: "healthy", versions: map[string]int64{"a": 120}})
		}, strict, ""},
		{"invented", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 999})
		}, strict, "a@999 at 21s, which nobody published"},
		{"tried, and named", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "b", version: 110})
		}, strict, ""},
		{"waiting for ever", func(r *record, e []said) {
			r.streams[0].said = append(e, said{at: 21 * s, event: hello, push: "healthy", waiting: []string{"b"}})
		}, strict, "still waiting for [b]"},
		{"late, and not concerned", func(*record, []said) {}, expect{push: down, within: 2 * s, concerns: []string{"b"}}, "heard of a@120 at 16s"},
		{"late, and concerned", func(*record, []said) {}, expect{push: down, within: 2 * s, concerns: []string{"a"}}, ""},
		{"a reset, heard", func(r *record, e []said) {
			r.news = append(r.news, publication{project: "a", version: 50, reset: true, begun: 21 * s, acked: 21 * s})
			r.streams[0].said = append(e, said{at: 21 * s, event: advance, project: "a", version: 50, reset: true})
		}, strict, ""},
		{"a reset, unheard", func(r *record, e []said) {
			r.news = append(r.news, publication{project: "a", version: 50, reset: true, begun: 21 * s, acked: 21 * s})
		}, strict, "never heard of a@50"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := good()
			test.spoil(r, r.streams[0].said)
			got := judge(r, test.expect)
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("complaints: %q", got)
			case test.want != "" && !strings.Contains(strings.Join(got, "\n"), test.want):
				t.Errorf("complaints %q, want one with %q", got, test.want)
			}
		})
	}
}

func TestLedger(t *testing.T) {
	l := sumUp(good(), expect{push: down, within: 2 * s, hello: true}, "a fault", true)
	want := line{
		Fault: "a fault", Told: 1, Streams: 1, TruthS: 3, TruthMost: 4, KnownS: 1, KnownMost: 2, HealS: 3, HealMost: 7,
		Repaired: 1, Published: 5, OK: true,
	}
	if l != want {
		t.Errorf("%+v\nwant %+v", l, want)
	}
	var b strings.Builder
	if err := printSummary(&b, []line{l, {Fault: "another", Skipped: "no root"}}); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, part := range []string{"a fault 1 of 1 3.0 s (4.0) 1.0 s (2.0) 3.0 s (7.0) 1 0 5 ok", "another skipped: no root"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, b.String())
		}
	}
}
