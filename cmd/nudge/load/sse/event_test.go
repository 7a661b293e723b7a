package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

var bodies = []struct {
	name, body string
	want       []string
}{
	{"a hello with its padding", "retry: 1630\nevent: hello\ndata: {\"a\":1}\n\n:" + strings.Repeat(" ", 40) + "\n\n", []string{`1 {"a":1}`}},
	{"a version", "id: 7@8\nevent: version\ndata: {\"project\":\"7\"}\n\n", []string{`2 {"project":"7"}`}},
	{"no space behind the colon", "event:version\ndata:x\n\n", []string{"2 x"}},
	{"two spaces: one is data", "event: version\ndata:  x\n\n", []string{"2  x"}},
	{"data before the name", "data: x\nevent: goodbye\n\n", []string{"4 x"}},
	{"several lines of data", "event: heartbeat\ndata: a\ndata: b\ndata\n\n", []string{"3 a\nb\n"}},
	{"empty data is data", "event: hello\ndata:\n\n", []string{"1 "}},
	{"no data, no event; its name is gone", "event: hello\n\ndata: x\n\n", []string{"0 x"}},
	{"an unknown name", "event: weather\ndata: x\n\n", []string{"0 x"}},
	{"comments everywhere", ":a\nevent: hello\n: b\ndata: x\n:\n\n:c\n", []string{"1 x"}},
	{"unknown fields", "eventual: hello\nevent: hello\ndatum: y\ndata: x\n\n", []string{"1 x"}},
	{"a colon in the data", "data: a: b\n\n", []string{"0 a: b"}},
	{"two events at once", "event: version\ndata: 1\n\nevent: heartbeat\ndata: 2\n\n", []string{"2 1", "3 2"}},
	{"an event without its end", "event: version\ndata: 1\n\nevent: hello\ndata: 2\n", []string{"2 1"}},
	{"blank lines", "\n\n\ndata: x\n\n\n", []string{"0 x"}},
	{"nothing", "", nil},
}

// Each body comes with each end of line, chunked in every way of two and three, or plain, and cut at every byte.
func TestEventsInPieces(t *testing.T) {
	for _, tt := range bodies {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			body := strings.ReplaceAll(tt.body, "\n", end)
			for i := range len(body) + 1 {
				check(t, tt.name, tt.want, plainHead+body[:i], body[i:])
				check(t, tt.name, tt.want, chunkedHead+chunk(body[:i])+chunk(body[i:]))
			}
			check(t, tt.name, tt.want, strings.Split(plainHead+body, "")...)
			check(t, tt.name, tt.want, strings.Split(chunkedHead+chunk(body), "")...)
			whole := chunkedHead + chunk(body[:len(body)/3]) + chunk(body[len(body)/3:])
			for i := range len(whole) {
				check(t, tt.name, tt.want, whole[:i], whole[i:])
			}
		}
	}
}

const (
	plainHead   = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\ntransfer-encoding: Chunked\r\n\r\n"
)

func chunk(s string) string {
	if s == "" { // a chunk of nothing would be the end
		return ""
	}
	return fmt.Sprintf("%X;name=\"value\"\r\n%s\r\n", len(s), s)
}

// read feeds pieces, each in memory that is overwritten afterwards, and returns what was heard.
func read(pieces ...string) (heads []Head, events []string, err error) {
	var a Response
	l := &Listener{
		Head:  func(h Head) error { heads = append(heads, h); return nil },
		Event: func(k Kind, data []byte) { events = append(events, fmt.Sprintf("%d %s", k, data)) },
	}
	for _, p := range pieces {
		b := []byte(p)
		if err := a.Feed(b, l); err != nil {
			return heads, events, err
		}
		clear(b)
	}
	return heads, events, nil
}

func check(t *testing.T, name string, want []string, pieces ...string) {
	t.Helper()
	heads, got, err := read(pieces...)
	if err != nil || len(heads) != 1 || heads[0].Status != 200 || heads[0].Type != "text/event-stream" || !slices.Equal(got, want) {
		t.Fatalf("%s, in pieces %q: heads %v, events %q, error %v; want %q", name, pieces, heads, got, err, want)
	}
}

// Between two events a stream holds no memory.
func TestEventsHoldNothing(t *testing.T) {
	var e parser
	body := strings.ReplaceAll(bodies[0].body, strings.Repeat(" ", 40), strings.Repeat(" ", 4000))
	for _, c := range []byte(body) {
		if err := e.feed([]byte{c}, func(Kind, []byte) {}); err != nil {
			t.Fatal(err)
		}
		if cap(e.rest) > 200 {
			t.Fatal("a comment is kept")
		}
	}
	if e.rest != nil || e.data != nil {
		t.Errorf("%d bytes of a line and %d of data are kept", cap(e.rest), cap(e.data))
	}
}

func TestEventsThatNeverEnd(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	if _, _, err := read(plainHead+"data: "+long, long, long); !errors.Is(err, errLine) {
		t.Errorf("a line of 300 kB: %v", err)
	}
	var e parser
	for range 20 {
		if err := e.feed([]byte("data: "+long+"\n"), func(Kind, []byte) {}); err != nil {
			t.Fatal(err)
		}
	}
	if len(e.data) > 2*longestLine {
		t.Errorf("an event of %d bytes is kept", len(e.data))
	}
}

func TestResponseHeads(t *testing.T) {
	problem := `{"type":"about:blank","title":"x","status":503,"detail":"come back later","code":"limit"}`
	refused := "HTTP/1.1 503 Service Unavailable\nretry-after: 10\nContent-Type: application/problem+json\n\n" + problem + "\n"
	heads, _, err := read(refused)
	if err != nil || len(heads) != 1 || heads[0] != (Head{Status: 503, Type: "application/problem+json", length: -1, Retry: "10", Detail: "come back later"}) {
		t.Errorf("a refusal: %+v, %v", heads, err)
	}
	for _, bad := range []string{
		"HTTP/1.0 200 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 70),
	} {
		if _, _, err := read(bad[:3], bad[3:len(bad)/2], bad[len(bad)/2:]); !errors.Is(err, errHead) {
			t.Errorf("%.40q: %v, want it refused", bad, err)
		}
	}
	for _, bad := range []string{"x\r\n", "\r\n", "3\r\nabcd", ";\r\n", "fffffffffffffffff\r\n"} {
		if _, _, err := read(chunkedHead + bad); !errors.Is(err, errChunk) {
			t.Errorf("chunk %q: %v, want it refused", bad, err)
		}
	}
	if _, got, err := read(chunkedHead + chunk("data: x\n\n") + "0\r\nTrailer: y\r\n\r\n"); err != io.EOF || !slices.Equal(got, []string{"0 x"}) {
		t.Errorf("the end of a chunked body: %q, %v", got, err)
	}
}

// A body with a length ends there.
func TestResponseWithLength(t *testing.T) {
	body := "data: x\n\n"
	for _, tt := range []struct {
		length int
		want   []string
	}{{0, nil}, {len(body), []string{"0 x"}}, {len(body) - 1, nil}} {
		text := fmt.Sprintf("HTTP/1.1 200 OK\nContent-Type: text/event-stream\ncontent-length: %d\n\n%s", tt.length, body)
		for i := range len(text) {
			if _, got, err := read(text[:i], text[i:]); err != io.EOF || !slices.Equal(got, tt.want) {
				t.Fatalf("length %d, cut at %d: %q, %v", tt.length, i, got, err)
			}
		}
	}
}

// However a stream is cut, it says the same.
func FuzzEvents(f *testing.F) {
	for _, tt := range bodies {
		f.Add(plainHead+tt.body, uint8(3), uint8(17))
		f.Add(chunkedHead+chunk(tt.body)+"0\r\n\r\n", uint8(70), uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, a, b uint8) {
		heads, events, err := read(text)
		var pieces []string
		for rest := text; rest != ""; a, b = b, a {
			n := min(max(int(a), 1), len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		heads2, events2, err2 := read(pieces...)
		for _, h := range [][]Head{heads, heads2} {
			for i := range h {
				h[i].Detail = "" // may be cut off
			}
		}
		if !slices.Equal(heads, heads2) || !slices.Equal(events, events2) || (err == nil) != (err2 == nil) {
			t.Errorf("%q: whole %v %q %v, in pieces %v %q %v", text, heads, events, err, heads2, events2, err2)
		}
	})
}

// What a fast way reads, the slow way reads too.
func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		data, project string
		v             int64
		ok            bool
	}{
		{`{"project":"load-7","version":8,"spread_ms":0}`, "load-7", 8, true},
		{`{"project":"load-7","version":8}`, "load-7", 8, true},
		{`{"version":8,"more":[1],"project":"load-7"}`, "load-7", 8, true},
		{`{"project": "load-7", "version": 9007199254740991}`, "load-7", 9007199254740991, true},
		{`{"project":"a\u002d7","version":8}`, "a-7", 8, true},
		{`{"project":"load-7","version":8.5}`, "", 0, false},
		{`{"project":"load-7","version":08}`, "", 0, false},
		{`{"project":"load-7","version":8`, "", 0, false},
		{`{"project":"load-7"}`, "", 0, false},
		{`[]`, "", 0, false},
		{``, "", 0, false},
	} {
		project, v, ok := ParseVersion([]byte(tt.data))
		if string(project) != tt.project || v != tt.v || ok != tt.ok {
			t.Errorf("%s: %s@%d %v, want %s@%d %v", tt.data, project, v, ok, tt.project, tt.v, tt.ok)
		}
	}
	for _, tt := range []struct {
		data, want string
		kept       int
		ok         bool
	}{
		{`{"protocol":1,"versions":{"a":1,"b":22},"unknown":[],"denied":[],"off":[]}`, "a@1 b@22 ", 0, true},
		{`{"protocol":1,"versions":{},"unknown":["a"],"waiting":[],"denied":[],"off":[]}`, "", 0, true},
		{`{"off":[], "denied":[],"versions":{"a":1}}`, "a@1 ", 0, true},
		{`{"versions":{"a": 1},"denied":[],"off":[]}`, "a@1 ", 0, true},
		{`{"node":"\"versions\":{\"x\":1}","versions":{"a":1},"denied":[],"off":[]}`, "a@1 ", 0, true},
		{`{"versions":{"a":1},"denied":["b","c"],"off":["d"]}`, "a@1 ", 3, true},
		{`{"versions":{"a":1`, "", 0, false},
		{`{"versions":{"a":1,"b":x},"denied":[],"off":[]}`, "", 0, false},
		{`{"denied":[],"off":[]}`, "", 0, false},
		{`null`, "", 0, false},
	} {
		var got bytes.Buffer
		kept, ok := ParseHello([]byte(tt.data), func(p []byte, v int64) { fmt.Fprintf(&got, "%s@%d ", p, v) })
		if got.String() != tt.want || kept != tt.kept || ok != tt.ok {
			t.Errorf("%s: %q, %d kept, %v", tt.data, got.String(), kept, ok)
		}
	}
	if f, ok := ParseGoodbye([]byte(`{"reason":"drain","after_ms":1000,"spread_ms":4000}`)); !ok || f != (Closing{"drain", 1000, 4000}) {
		t.Errorf("goodbye: %+v %v", f, ok)
	}
	for _, bad := range []string{`{}`, `{"reason":"x","after_ms":-1}`, `x`} {
		if _, ok := ParseGoodbye([]byte(bad)); ok {
			t.Errorf("goodbye %s passes", bad)
		}
	}
}
