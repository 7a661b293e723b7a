//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Everything arrives: at a rate and with a window, over several processes and projects, again after all reconnected.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"at a rate", Options{Streams: 120, Projects: 10, PerStream: 3, Rate: 200, Workers: 2, Inflight: 7}},
		{"with a window", Options{Streams: 60, Projects: 1, Window: 1, Workers: 2}},
		{"with a window over more projects than are watched", Options{Streams: 5, Projects: 9, Window: 2}},
		{"after all reconnected", Options{Streams: 100, Projects: 4, Rate: 50, Reconnect: true, Tokens: []string{"a", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.stored["load-0"] = 5 // from another day
			tt.o.Duration = 500 * time.Millisecond
			if tt.o.Window > 0 { // how far a window gets is the machine's business; that it opens, and for all, is ours
				tt.o.Duration = 2 * time.Second
			}
			r := s.run(tt.o)
			o := tt.o
			if !r.OK() || len(r.Problems) > 0 || r.Connect.Opened != int64(o.Streams) || r.Streams.Open != o.Streams {
				t.Errorf("not clean: %+v", r)
			}
			perProject := o.Streams * max(o.PerStream, 1) / o.Projects
			if o.Streams > o.Projects && r.Deliver.Delivered != r.Publish.Advances*int64(perProject) {
				t.Errorf("%d advances to %d watchers each: %d deliveries", r.Publish.Advances, perProject, r.Deliver.Delivered)
			}
			if l := r.Deliver.LatencyMS; l == nil || l.Count != r.Deliver.Delivered || !(0 < l.P50 && l.P50 <= l.P99 && l.P99 <= l.Max && l.Max < 30_000) {
				t.Errorf("latency %+v", l)
			}
			// At a rate, a slow machine may let one advance overtake another on its way to some stream; with a window none can.
			if a := r.Deliver.AllMS; a == nil || a.Count > r.Publish.Advances || o.Window > 0 && a.Count != r.Publish.Advances || a.Max > r.Deliver.LatencyMS.Max+1 {
				t.Errorf("time until all have it %+v, of %d advances", a, r.Publish.Advances)
			}
			if o.Rate > 0 && r.Publish.Advances != int64(o.Rate/2) {
				t.Errorf("%d advances in half a second at %v/s", r.Publish.Advances, o.Rate)
			}
			if o.Window > 0 && r.Publish.Advances <= int64(o.Window) {
				t.Errorf("%d advances: the window does not open", r.Publish.Advances)
			}
			if (r.Reconnect != nil) != o.Reconnect || o.Reconnect && r.Reconnect.Opened != int64(o.Streams) {
				t.Errorf("reconnect %+v", r.Reconnect)
			}
			if len(o.Tokens) == 2 && !reflect.DeepEqual(s.tokens, map[string]int{"Bearer a": 100, "Bearer b": 100}) {
				t.Errorf("tokens %v", s.tokens)
			}
			if !slices.Contains(r.Server.PIDs, os.Getpid()) || r.Server.PssAfter == 0 || r.Server.Why != "" {
				t.Errorf("server %+v, want process %d", r.Server, os.Getpid())
			}
		})
	}
}

// What a stream never gets is lost, what it jumps over is skipped, and what is not ours does not count.
func TestLostAndSkipped(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	var last atomic.Int64
	s.advance = func(n int, a Advance) bool {
		switch n {
		case 0: // jumps over every other one, but for the end
			return last.Add(1)%2 == 0
		case 1: // never gets anything
			return false
		case 2:
			s.streams[n] <- versionEvent("other-1", a.Version) + versionEvent(a.Project, 7) + versionEvent(a.Project, a.Version+1e12)
			s.streams[n] <- versionEvent(a.Project, a.Version)
		case 3: // learns of it by a hello, and hears it again
			s.streams[n] <- fmt.Sprintf("event: hello\ndata: {\"versions\":{%q:%d}}\n\n", a.Project, a.Version)
		}
		return true
	}
	r := s.run(Options{Streams: 5, Projects: 1, Rate: 40, Duration: 500 * time.Millisecond, Grace: 2 * time.Second}) // one stays behind
	want := Streams{Open: 5, Lost: 1, Closed: map[string]int64{}, Hellos: 25, Repeated: 40, Foreign: 60}
	r.Streams.Bytes = 0
	if r.OK() || !reflect.DeepEqual(r.Streams, want) {
		t.Errorf("streams %+v, want %+v", r.Streams, want)
	}
	if r.Publish.Advances != 20 || r.Deliver.Delivered != 70 || r.Deliver.Skipped != 10 {
		t.Errorf("%d advances, %d delivered, %d skipped; want 20, 70, 10", r.Publish.Advances, r.Deliver.Delivered, r.Deliver.Skipped)
	}
	if r.Deliver.AllMS != nil {
		t.Errorf("one never got any, but all had %+v", r.Deliver.AllMS)
	}
	if text := strings.Join(r.Problems, "\n"); !strings.Contains(text, "1 streams are not on the newest version") {
		t.Errorf("problems: %s", text)
	}
}

// settles stops a run when it says that it settles.
type settles struct{ stop func() }

func (s settles) Write(line []byte) (int, error) {
	if strings.HasPrefix(string(line), "settling") {
		s.stop()
	}
	return len(line), nil
}

// Ctrl-C, in any phase, gives the figures so far; nothing is left behind.
func TestInterrupted(t *testing.T) {
	before := descriptors(t)
	for _, phase := range []string{"connecting", "settling", "publishing"} {
		t.Run(phase, func(t *testing.T) {
			s := newScript(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			o := Options{Streams: 20, Projects: 1, Rate: 100, Duration: time.Hour, Timeout: time.Hour}
			ended := make(chan struct{})
			if phase == "connecting" {
				s.stream = func(n int, _ http.ResponseWriter) bool {
					if n == 10 {
						stop()
						<-ended
					}
					return n >= 10
				}
				o.Inflight = 1
			}
			if phase == "settling" {
				o.Settle = time.Hour
				o.Progress = settles{stop}
			}
			if phase == "publishing" {
				var n atomic.Int64
				s.advance = func(int, Advance) bool {
					if n.Add(1) == 200 {
						stop()
					}
					return true
				}
			}
			r := s.runUntil(ctx, o)
			close(ended)
			if !r.Interrupted || r.Connect == nil {
				t.Fatalf("%+v", r)
			}
			if want := map[string]int64{"connecting": 10}[phase]; want > 0 && r.Connect.Opened != want || want == 0 && r.Connect.Opened != 20 {
				t.Errorf("%d opened", r.Connect.Opened)
			}
			if phase == "publishing" && (r.Publish.Advances < 10 || r.Streams.Lost > 0 || r.Deliver.Delivered != 20*r.Publish.Advances) {
				t.Errorf("%+v, %+v, %+v", r.Publish, r.Deliver, r.Streams)
			}
			if left := children(t); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			s.server.Close()
		})
	}
	if after := descriptors(t); after > before+2 { // the poller's own come with the first run
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// What keeps a run from beginning says what to do.
func TestCannotRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Run(t.Context(), Options{Gateways: []string{"http://" + l.Addr().String()}}); err == nil || !strings.Contains(err.Error(), "check that it runs") {
		t.Errorf("nobody listens: %v", err)
	}
	s := newScript(t)
	for _, command := range [][]string{{filepath.Join(t.TempDir(), "absent")}, {"/bin/sh", "-c", "echo out of luck >&2; exit 3"}, {"/bin/sh", "-c", "echo nonsense; cat >/dev/null"}} {
		_, err := Run(t.Context(), Options{Gateways: []string{s.server.URL}, Command: command, Streams: 10})
		if err == nil || !strings.Contains(err.Error(), "reading process 0") {
			t.Errorf("%q: %v", command, err)
		}
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// A publisher that fails is told of; a window does not wait for what failed.
func TestPublishFails(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	interrupted, stop := context.WithCancel(t.Context())
	defer stop()
	var calls atomic.Int64
	o := Options{
		Streams: 4, Projects: 2, Window: 1, Duration: time.Hour, Grace: time.Minute,
		Publish: func(ctx context.Context, a []Advance) (int, error) {
			switch n := calls.Add(1); {
			case n == 20:
				defer stop()
			case n%3 == 0:
				return 0, errors.New("Redis is on holiday")
			}
			return s.publish(ctx, a)
		},
	}
	r := s.runUntil(interrupted, o)
	if r.OK() || r.Publish.Failed != 6 || r.Publish.Advances != 14 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "Redis is on holiday") {
		t.Errorf("%+v, %+v, %q", r.Publish, r.Streams, r.Problems)
	}
}

// A reader that does not end is ended.
func TestStubbornReader(t *testing.T) {
	f, err := startWorkers([]string{"sleep", "300"}, []task{{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.close(10 * time.Millisecond)
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// A gateway is who listens, not who is connected; and its port is enough to find it.
func TestServers(t *testing.T) {
	s := newScript(t)
	at, err := findTarget(t.Context(), s.server.URL+"/push/")
	if err != nil || at.Path != "/push/events" {
		t.Fatalf("%+v, %v", at, err)
	}
	c, err := net.Dial("tcp", at.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if sockets := listening(at.Addr); len(sockets) != 1 {
		t.Errorf("sockets %v listen, want one", sockets)
	}
	if got := findGatewayProcesses(nil, []target{at, {Addr: netip.MustParseAddrPort("192.0.2.1:80")}}); len(got.pids) > 0 || !strings.Contains(got.why, "not on this machine") {
		t.Errorf("half of the gateways: %+v", got)
	}
	none := gatewayProcesses{pids: []int{1 << 30}}
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := strconv.ParseInt(strings.Fields(strings.SplitAfter(string(text), "\nPss:")[1])[0], 10, 64)
	if own, err := readPss(os.Getpid()); err != nil || own < whole<<10/20 || strings.Contains(string(text), "Pss_Anon:") && own >= whole<<10 {
		t.Errorf("%d bytes (%v) of %d kB: the program itself is counted, or not enough", own, err, whole)
	}
	if m := none.memory(); m.pss != 0 || len(none.pids) > 0 || !strings.Contains(none.why, "run as its user or as root") {
		t.Errorf("a process that is not there: %+v", none)
	}
	if got := tokensOf([]string{"a", "b", "c"}, 1, 3); !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("tokens %v", got)
	}
}

// A worker ends with what it is told by, and says what it does not understand.
func TestWorkerEnds(t *testing.T) {
	for in, says := range map[string]string{
		"": "nudge load starts this command itself", "{": "task", `{"Clock":{"Day":1},"Layout":{"Projects":1,"PerStream":1}}`: "",
		`{"Layout":{"Projects":1,"PerStream":1}}{"Do":"dance"}`: "dance", `{"Layout":{"Projects":1,"PerStream":1}}x`: "command",
	} {
		err := Worker(strings.NewReader(in), io.Discard)
		if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", in, err, says)
		}
	}
}
