package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// The table is what users read, and the JSON what their scripts read: neither changes by accident.
func TestPrint(t *testing.T) {
	h := newHistogram()
	for us := range int64(10_000) {
		record(h, us+1)
	}
	each, sockets := 253.4, int64(1_200_000)
	r := &Result{
		Plan:    Plan{Gateways: []string{"http://a", "http://b"}, Streams: 19_000, Projects: 1, PerStream: 1, Workers: 1},
		Connect: &Opening{Opened: 18_999, Refused: map[string]int64{"503/10s": 1}, TookS: 2.31, PerSecond: 8224.7, LatencyMS: latencyOf(h), ServerCPU: 61.26},
		Publish: &Publish{Advances: 3, Failed: 1, TookS: 0.3, PerSecond: 10, CallMS: latencyOf(h), failure: errors.New("Redis is on holiday")},
		Deliver: &Deliver{Delivered: 56_997, TookS: 0.31, PerSecond: 183_861, LatencyMS: latencyOf(h), AllMS: latencyOf(h), ServerCPU: 10.04},
		Streams: Streams{Open: 18_998, Lost: 2, Closed: map[string]int64{"end": 1}, Heartbeats: 20_000},
		Server:  Server{PIDs: []int{7, 8}, BytesPerStream: &each, PssBefore: 10_000_000, PssAfter: 14_814_400, SocketBytes: &sockets, CPUS: 1.5},
		Readers: Readers{CPUS: 0.5, Busy: 0.25}, Problems: []string{"first", "second"},
	}
	want := `plan                    19,000 streams on 1 project of http://a, http://b
connected               18,999 streams in 2.31 s, 8,225/s, 1 refused; 61.3 µs of the gateway's CPU each
  connect to hello      p50 5.00   p90 9.01   p99 9.90   p99.9 9.99   max 10.0 ms
published               3 advances in 300 ms, 10/s, 1 failed
  publish call          p50 5.00   p90 9.01   p99 9.90   p99.9 9.99   max 10.0 ms
delivered               56,997 in 310 ms, 183,861/s; 10.0 µs of the gateway's CPU each
  publish to read       p50 5.00   p90 9.01   p99 9.90   p99.9 9.99   max 10.0 ms
  publish to last read  p50 5.00   p90 9.01   p99 9.90   p99.9 9.99   max 10.0 ms
streams                 18,998 open, 2 lost, 1 closed, 20,000 heartbeats
gateway's memory        253 bytes per stream (Pss from 10.0 MB to 14.8 MB, processes 7 8)
TCP buffers             1.2 MB more in the kernel, for the whole machine; over loopback that is both ends
gateway's CPU           1.50 s
readers                 500 ms of CPU, processes: 1, at work while publishing: 25 %

problems
- first
- second
`
	var b bytes.Buffer
	if err := r.Print(&b); err != nil || b.String() != want {
		t.Errorf("%v; printed\n%s\nwant\n%s", err, b.String(), want)
	}
	each = -1
	b.Reset()
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "restart it") {
		t.Errorf("%v; less memory than before:\n%s", err, b.String())
	}
	each = 253.4
	if text := strings.Join(problems(r), "\n"); !strings.Contains(text, "Redis is on holiday") || !strings.Contains(text, "share one Redis") {
		t.Errorf("problems:\n%s", text)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{
		`"connect":{"opened":18999,"refused":{"503/10s":1}`, `"per_second":8224.7`, `"latency_ms":{"count":10000,"mean":`, `"p99_9":`, `"server_cpu_us":61.26`,
		`"bytes_per_stream":253.4`, `"socket_bytes":1200000`, `"lost":2`, `"closed":{"end":1}`, `"all_ms":`, `"problems":["first","second"]`,
	} {
		if !strings.Contains(string(text), field) {
			t.Errorf("%s is not in %s", field, text)
		}
	}
}

// Each phase shows itself at once, and then the figures change.
func TestProgress(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		lines := make(chan string)
		p := newProgress(writes(lines), terminal)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.run(ctx, func() string { return p.line(newCounts(), 10, time.Now()) })
			close(lines)
		}()
		p.phase("connecting")
		if got := <-lines; !strings.Contains(got, "connecting 0s: 0 of 10 streams open") || strings.HasPrefix(got, "\r\x1b[K") != terminal || strings.HasSuffix(got, "\n") == terminal {
			t.Errorf("terminal %v: %q", terminal, got)
		}
		stop()
		last := ""
		for line := range lines {
			last = line
		}
		if (last == "\r\x1b[K") != terminal {
			t.Errorf("terminal %v: at the end %q", terminal, last)
		}
		<-done
	}
	p := newProgress(nil, false)
	c := newCounts()
	c.Open, c.Delivered, c.Connected.Opened, c.Connected.Refused["401"] = 1000, 50, 1000, 3
	now := time.Now()
	p.line(newCounts(), 2000, now)
	p.phase("publishing")
	p.published(5)
	if got := p.line(c, 2000, now.Add(2*time.Second)); !strings.HasSuffix(got, "1,000 of 2,000 streams open, 500/s; 5 advances, 50 delivered (25/s), 3 refused") {
		t.Errorf("%q", got)
	}
}

type writes chan string

func (w writes) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}
