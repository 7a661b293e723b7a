package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmaxmax/go-sse"

	"nudge/version"
)

// heard is an event as a browser hears it.
type heard struct {
	id, name string
	data     any
}

// Whatever publishers and operators write: a parser that is not ours finds in the stream exactly the events that were meant.
func FuzzRender(f *testing.F) {
	f.Add("42", int64(124), int64(123), "tab-1", []byte(`{"a":[1,2]}`), false, "gw-1", uint16(1500))
	f.Add("a:b", int64(0), int64(-1), "\n\ndata: {}\n\n", []byte(`"\u2028"`), true, "gw\r\nevent: version", uint16(0))
	f.Add("~", int64(version.Max), int64(0), "\xff\x00\ufeff", []byte("{\"a\":\"\u2028\u0085\x7f\"}"), true, "\x1b[31m\u2029", uint16(1))
	f.Add(strings.Repeat("x", 128), int64(1), int64(1), strings.Repeat("w", 128), []byte("[ 1 ,\r\n 9007199254740993, 1e400 ]"), false, "", uint16(9))
	f.Fuzz(func(t *testing.T, id string, v, prev int64, writer string, data []byte, reset bool, node string, spread uint16) {
		p, err := version.ParseProject(id)
		if err != nil || v < 0 || version.Version(v) > version.Max {
			return
		}
		before := version.Version(prev)
		n, _ := version.News{Project: p, Version: version.Version(v), Prev: &before, Writer: writer, Data: data}.Check()
		ms := time.Duration(spread) * time.Millisecond
		change := version.Change{Project: p, State: version.State{Listening: true, Known: true, Version: n.Version}, Reset: reset, Extras: &n}
		state := NewLastSent(Served).Sent(change.State)

		frame := NewFrame(change, ms, n.Trace)
		heartbeat := NewHeartbeat(map[string]string{"push": node}, time.Second)
		hello := NewHelloWriter(node)
		hello.Begin()
		hello.Project(p, state)
		b := AppendRetry(nil, time.Second)
		b = hello.Append(b, heartbeat, ms, time.Hour, "R2d2-c3_")
		b = AppendPadding(b)
		b = append(b, frame.Event(SendAdvance)...)
		b = append(b, frame.Event(SendReset)...)
		b = append(b, heartbeat.Bytes()...)
		b = AppendGoodbye(b, Goodbye{Reason(node), 1000, int64(spread)})

		mark, name := fmt.Sprintf("%s@%d", id, v), text(node)
		advance := map[string]any{"project": id, "version": number(v), "spread_ms": number(int64(spread))}
		if n.Prev != nil {
			advance["prev"] = number(prev)
		}
		if n.Writer != "" {
			advance["writer"] = text(writer)
		}
		if n.Data != nil {
			advance["data"] = read(t, data)
		}
		cadence := map[string]any{"push": name}
		want := []heard{
			{"", "hello", map[string]any{
				"protocol": number(Protocol), "node": name, "push": name, "spread_ms": number(int64(spread)), "token_expires_in_s": number(3600), "caller": "R2d2-c3_",
				"versions": map[string]any{id: number(v)}, "unknown": []any{}, "waiting": []any{}, "denied": []any{}, "off": []any{},
			}},
			{mark, "version", advance},
		}
		if reset {
			again := map[string]any{"reset": true}
			for name, value := range advance {
				again[name] = value
			}
			want = append(want, heard{mark, "version", again})
		}
		want = append(want, heard{mark, "heartbeat", cadence}, heard{mark, "goodbye", map[string]any{"reason": name, "after_ms": number(1000), "spread_ms": number(int64(spread))}})

		var got []heard
		for e, err := range sse.Read(bytes.NewReader(b), nil) {
			if err != nil {
				t.Fatalf("%v in %q", err, b)
			}
			got = append(got, heard{e.LastEventID, e.Type, read(t, []byte(e.Data))})
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(heard{})); d != "" {
			t.Fatalf("%s\n%q", d, b)
		}
	})
}

func number(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

// text is what becomes of a text that may not be UTF-8.
func text(s string) string { return string([]rune(s)) }

func read(t *testing.T, data []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return value
}
