//go:build unix

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/version"
	"nudge/version/redistest"
)

// stage is one scenario as it is played: a gateway, its streams, and an application that publishes.
type stage struct {
	*testing.T
	expect expect
	probe  time.Duration
	begun  time.Time
	desk   *desk
	crowd  *crowd
	log    *logbook
	ops    http.Handler

	broken, mended time.Duration // since begun
	// stored asks Redis, in the end, which version it holds of a project; nil: it is to lose nothing.
	stored func(project string) int64
	ended  []func() // what ends when the scenario is over, last first
}

const (
	// probe is how often the gateways of the suite probe; all bounds follow from it.
	probe = 500 * time.Millisecond
	// patience is more than anything may take.
	patience = 30 * time.Second
	// instance is how the gateway calls itself at Redis.
	instance = "faults"
)

func newStage(t *testing.T, x expect) *stage {
	begun := time.Now()
	return &stage{T: t, expect: x, probe: probe, begun: begun, desk: newDesk(begun), log: new(logbook)}
}

// standalone is how to reach one server. The application comes over its unix socket, where nothing gets in its way.
func standalone(addr string) version.RedisOptions { return version.RedisOptions{Addrs: []string{addr}} }

// open starts the gateway on one way to Redis and the application on another, opens the streams, and returns when all are
// told that push is healthy.
func (s *stage) open(ours, applications version.RedisOptions) {
	s.Helper()
	s.desk.move(s, applications)
	s.desk.open(s)
	addr := s.serve(ours)
	s.crowd = openCrowd(s, addr, s.begun)
	s.wait("healthy push", patience, func() bool { return s.crowd.all(wellNow) })
	ctx, stop := context.WithCancel(context.Background())
	var publishing sync.WaitGroup
	publishing.Go(func() { s.desk.run(ctx) })
	s.over(func() { stop(); publishing.Wait() })
	s.pass(time.Second)
}

func wellNow(s *stream) bool {
	_, well := healthySince(s)
	return well
}

// serve runs a gateway as nudge serve does, and returns its address.
func (s *stage) serve(ro version.RedisOptions) string {
	s.Helper()
	log := slog.New(slog.NewTextHandler(s.log, nil))
	o := gateway.Options{
		Settings: gateway.Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100},
			Policy: fallback.Policy{
				Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second,
				Jitter: 0.2, Heartbeat: 25 * time.Second,
			},
			Auth: gateway.Auth{Open: true},
		},
		Probe: s.probe, Listen: s.probe, Node: "gw", Instance: instance, Version: "v0", Log: log,
	}
	var redis *version.Redis
	o.Source = func(board *version.Board, host version.Host) (source version.Source, err error) {
		ro.Instance, ro.Probe, ro.Host, ro.Log = instance, s.probe, host, log
		redis, err = version.NewRedis(board, ro)
		return redis, err
	}
	g, err := gateway.New(o)
	if err != nil {
		s.Fatal(err)
	}
	s.ops = g.Ops()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	server := &http.Server{
		Handler: g.Handler(), ConnContext: gateway.ConnContext, Protocols: new(http.Protocols),
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { server.Serve(&gateway.Listener{Listener: l}) })
	running.Go(func() {
		if err := g.Run(ctx); err != nil {
			s.Errorf("the gateway ended: %v", err)
		}
	})
	s.Cleanup(func() {
		server.Close()
		stop()
		running.Wait()
		redis.Close()
	})
	return l.Addr().String()
}

// over makes f run when the scenario is over.
func (s *stage) over(f func()) { s.ended = append(s.ended, f) }

// pass lets time go by: how long a fault lasts.
func (s *stage) pass(d time.Duration) { time.Sleep(d) }

// fault brings the fault about; from its beginning on it counts as there.
func (s *stage) fault(f func()) {
	s.Helper()
	s.broken = time.Since(s.begun)
	s.desk.turn(lasting)
	f()
}

// repair ends the fault; when f has returned it counts as over.
func (s *stage) repair(f func()) {
	s.Helper()
	f()
	s.mended = time.Since(s.begun)
	s.desk.turn(repaired)
}

// lastly is how long a fault must last so that every stream must have been told.
func (s *stage) lastly() time.Duration {
	r := record{probe: s.probe}
	return r.truth() + 200*time.Millisecond
}

// wait waits until ok, or reports what did not come.
func (s *stage) wait(what string, most time.Duration, ok func() bool) {
	s.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(most); !ok(); {
		select {
		case <-limit:
			s.Errorf("no %s within %v", what, most)
			return
		case <-tick.C:
		}
	}
}

// finish waits until all is well, or too late, and returns what happened.
func (s *stage) finish() *record {
	s.Helper()
	r := s.record()
	late := s.begun.Add(s.mended + r.healthy(s.expect) + time.Second)
	s.pass(time.Second)
	s.desk.turn(over) // so that what was published while the gateway found its way back has no successor either
	s.pass(s.expect.within)
	s.wait("healthy push on every stream", time.Until(late), func() bool { return s.crowd.all(wellNow) })
	for _, end := range s.ended {
		end()
	}
	held := s.held()
	s.wait("news on every stream", max(prompt, s.expect.within), func() bool { return informed(s.record().without(held)) })
	r = s.record().without(held)
	s.crowd.close()
	return r
}

// held is what Redis holds of each project in the end; nil: nobody asks.
func (s *stage) held() map[string]int64 {
	if s.stored == nil {
		return nil
	}
	held := map[string]int64{}
	for i := range projects {
		held[project(i)] = s.stored(project(i))
	}
	return held
}

// without marks as lost what was acknowledged and is not held.
func (r *record) without(held map[string]int64) *record {
	for i, n := range r.news {
		r.news[i].lost = held != nil && n.acked != 0 && n.version > held[n.project]
	}
	return r
}

// informed tells whether every stream has heard of the newest version of each of its projects.
func informed(r *record) bool {
	h := newHistory(r)
	for i := range r.streams {
		for _, p := range r.streams[i].projects {
			newest := h.newest(p, r.end)
			if newest < 0 {
				continue
			}
			if _, ok := h.known(&r.streams[i], p, newest); !ok {
				return false
			}
		}
	}
	return true
}

func (s *stage) record() *record {
	return &record{
		probe: s.probe, fault: s.broken, repair: s.mended, end: time.Since(s.begun),
		news: s.desk.published(), streams: s.crowd.heard(),
	}
}

// status is the page of this name for operators.
func (s *stage) status() map[string]any {
	s.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(s.read("/status")), &m); err != nil {
		s.Fatal(err)
	}
	return m
}

// gaps is how often the subscription broke.
func (s *stage) gaps() string { return s.metric("nudge_source_gaps_total") }

// metric is one number of /metrics; "" if it is not there.
func (s *stage) metric(series string) string {
	for line := range strings.Lines(s.read("/metrics")) {
		if number, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(number)
		}
	}
	return ""
}

func (s *stage) read(path string) string {
	answer := httptest.NewRecorder()
	s.ops.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Body.String()
}

// logged counts the lines of the log that hold all of these.
func (s *stage) logged(parts ...string) (n int) {
	for line := range strings.Lines(s.log.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			n++
		}
	}
	return n
}

// once reports what was not logged exactly once.
func (s *stage) once(parts ...string) {
	s.Helper()
	if n := s.logged(parts...); n != 1 {
		s.Errorf("%d lines of the log have %q, want 1", n, parts)
	}
}

// subscribed tells whether the gateway listens at this server.
func subscribed(server *redistest.Server) bool {
	got, _ := server.Try("CLIENT", "LIST", "TYPE", "PUBSUB")
	text, _ := got.(string)
	return strings.Contains(text, "name=nudge-"+instance+" ")
}

// logbook is a log that may be written and read at once.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(" msg=request ")) { // one for each stream
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
