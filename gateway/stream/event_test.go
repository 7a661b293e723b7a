package stream

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"nudge/version"
)

// What is written is what docs/protocol.md shows.
func TestFrame(t *testing.T) {
	p, prev := mustProject(t, "7"), version.Version(7)
	known := version.State{Listening: true, Known: true, Version: 8}
	extras := &version.News{Project: p, Prev: &prev, Writer: "tab-1", Data: json.RawMessage(`{"a":1}`)}
	for _, test := range []struct {
		name    string
		change  version.Change
		spread  time.Duration
		trace   version.Trace
		advance string
		reset   string
	}{
		{"bare", version.Change{State: known}, 0, "", "id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0}\n\n", ""},
		{
			"with data",
			version.Change{State: known, Extras: extras},
			1500 * time.Millisecond, "",
			"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":1500,\"prev\":7,\"writer\":\"tab-1\",\"data\":{\"a\":1}}\n\n", "",
		},
		{
			"reset",
			version.Change{State: known, Reset: true},
			0, "",
			"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0}\n\n",
			"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0,\"reset\":true}\n\n",
		},
		{"unknown", version.Change{Reset: true}, 0, "", "", ""},
		{
			"with a trace",
			version.Change{State: known},
			0, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0," +
				"\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}\n\n", "",
		},
	} {
		test.change.Project = p
		f := NewFrame(test.change, test.spread, test.trace)
		if got := string(f.Event(SendAdvance)); got != test.advance {
			t.Errorf("%s: %q", test.name, got)
		}
		if got := string(f.Event(SendReset)); got != test.reset {
			t.Errorf("%s: reset %q", test.name, got)
		}
	}
}

func TestHello(t *testing.T) {
	state := func(v version.Version) version.State { return version.State{Listening: true, Known: true, Version: v} }
	sent := func(s version.State) LastSent { return NewLastSent(Served).Sent(s) }
	unknown, waits := sent(version.State{Listening: true}), sent(version.State{})
	type project struct {
		id   string
		sent LastSent
	}
	w := NewHelloWriter("gw-1\n")
	heartbeat := NewHeartbeat(map[string]string{"push": "healthy"}, time.Second)
	if got := string(heartbeat.Bytes()); got != "event: heartbeat\ndata: {\"push\":\"healthy\"}\n\n" {
		t.Error(got)
	}
	for _, test := range []struct {
		projects     []project
		spread, left time.Duration
		caller, want string
		covers, asks bool
	}{
		{
			[]project{{"a", sent(state(1))}, {"b", sent(state(version.Max))}, {"c", unknown}, {"d", waits}, {"e", NewLastSent(Denied)}, {"f", NewLastSent(Excluded)}},
			time.Second, time.Hour, "R2d2-c3_",
			`"push":"healthy","spread_ms":1000,"token_expires_in_s":3600,"caller":"R2d2-c3_","versions":{"a":1,"b":9007199254740991},"unknown":["c"],"waiting":["d"],"denied":["e"],"off":["f"]`,
			false, true,
		},
		{[]project{{"d", waits}}, 0, 0, "", `"push":"healthy","spread_ms":0,"token_expires_in_s":0,"versions":{},"unknown":[],"waiting":["d"],"denied":[],"off":[]`, false, false},
		{[]project{{"e", NewLastSent(Denied)}, {"f", NewLastSent(Excluded)}}, 0, -1, "", `"push":"healthy","spread_ms":0,"versions":{},"unknown":[],"waiting":[],"denied":["e"],"off":["f"]`, false, false},
		{[]project{{"c", unknown}}, 0, -1, "", `"push":"healthy","spread_ms":0,"versions":{},"unknown":["c"],"waiting":[],"denied":[],"off":[]`, true, true},
		{[]project{{"a", sent(state(0))}}, 0, -1, "", `"push":"healthy","spread_ms":0,"versions":{"a":0},"unknown":[],"waiting":[],"denied":[],"off":[]`, true, true},
		{nil, 0, -1, "", `"push":"healthy","spread_ms":0,"versions":{},"unknown":[],"waiting":[],"denied":[],"off":[]`, true, false},
	} {
		w.Begin()
		for _, p := range test.projects {
			w.Project(mustProject(t, p.id), p.sent)
		}
		want := "before event: hello\ndata: {\"protocol\":1,\"node\":\"gw-1\\n\"," + test.want + "}\n\n"
		if got := string(w.Append([]byte("before "), heartbeat, test.spread, test.left, test.caller)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if w.Covers() != test.covers || w.Asks() != test.asks {
			t.Errorf("%s: covers %v, asks %v", test.want, w.Covers(), w.Asks())
		}
	}
}

func TestHead(t *testing.T) {
	h := http.Header{}
	SetHead(h)
	if len(h) != 4 || h.Get("Content-Encoding") != "identity" || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store, no-transform" || h.Get("X-Accel-Buffering") != "no" {
		t.Error(h)
	}
	b := AppendRetry(nil, 1630*time.Millisecond)
	b = AppendGoodbye(b, Goodbye{Drain, 1000, 4000})
	if got := string(b); got != "retry: 1630\nevent: goodbye\ndata: {\"reason\":\"drain\",\"after_ms\":1000,\"spread_ms\":4000}\n\n" {
		t.Errorf("%q", got)
	}
	padding := string(AppendPadding(nil))
	if len(padding) != 2050 || !strings.HasPrefix(padding, ": ") || strings.Index(padding, "\n\n") != 2048 {
		t.Errorf("%q", padding)
	}
}
