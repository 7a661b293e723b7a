//go:build linux

package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a gateway that does as a test wants. Its streams are the ordinary handler's, so they are chunked.
type script struct {
	t      testing.TB
	server *httptest.Server
	// stream is asked for each stream, counted from 0, before its hello: what it returns is written instead, if
	// anything is; then the stream ends. nil: all are served.
	stream func(n int, w http.ResponseWriter) (ends bool)
	// advance is asked for each advance and stream: false keeps it from this stream. nil: all get all.
	advance func(n int, a Advance) bool

	mu      sync.Mutex // guards all below
	opened  int
	stored  map[string]int64
	streams map[int]chan string // what is to be written
	watch   map[int][]string
	tokens  map[string]int
}

func newScript(t testing.TB) *script {
	s := &script{t: t, stored: map[string]int64{}, streams: map[int]chan string{}, watch: map[int][]string{}, tokens: map[string]int{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/events" || r.Header.Get("Accept") != "text/event-stream" {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	n := s.opened
	s.opened++
	s.tokens[r.Header.Get("Authorization")]++
	s.mu.Unlock()
	if s.stream != nil && s.stream(n, w) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := make(chan string, 10_000)
	projects := r.URL.Query()["project"]
	s.mu.Lock()
	var known []string
	for _, p := range projects {
		if v, ok := s.stored[p]; ok {
			known = append(known, fmt.Sprintf("%q:%d", p, v))
		}
	}
	s.streams[n], s.watch[n] = out, projects
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, n)
	}()
	fmt.Fprintf(w, "retry: 1000\nevent: hello\ndata: {\"versions\":{%s},\"unknown\":[],\"denied\":[],\"off\":[]}\n\n", strings.Join(known, ","))
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case text := <-out:
			if text == "" {
				return
			}
			fmt.Fprint(w, text)
			w.(http.Flusher).Flush()
		}
	}
}

// say writes to stream n; "" ends it.
func (s *script) say(n int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if out := s.streams[n]; out != nil {
		out <- text
	}
}

// await waits until so many streams were opened.
func (s *script) await(streams int) {
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		s.mu.Lock()
		opened := s.opened
		s.mu.Unlock()
		if opened >= streams {
			return
		}
	}
}

// publish is Options.Publish.
func (s *script) publish(_ context.Context, advances []Advance) (stale int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range advances {
		if s.stored[a.Project] >= a.Version {
			stale++
			continue
		}
		s.stored[a.Project] = a.Version
		for n, out := range s.streams {
			for _, p := range s.watch[n] {
				if p == a.Project && (s.advance == nil || s.advance(n, a)) {
					out <- versionEvent(a.Project, a.Version)
				}
			}
		}
	}
	return stale, nil
}

func versionEvent(project string, v int64) string {
	return fmt.Sprintf("id: %s@%d\nevent: version\ndata: {\"project\":%q,\"version\":%d,\"spread_ms\":0}\n\n", project, v, project, v)
}

// run runs with o against the script, in quick times.
func (s *script) run(o Options) *Result {
	s.t.Helper()
	return s.runUntil(s.t.Context(), o)
}

func (s *script) runUntil(ctx context.Context, o Options) *Result {
	s.t.Helper()
	o.Gateways = []string{s.server.URL}
	if o.Publish == nil {
		o.Publish = s.publish
	}
	o.Command = []string{os.Args[0], "load-worker"}
	if o.Grace == 0 {
		o.Grace = 20 * time.Second // which a run waits only for streams that lack something
	}
	r, err := Run(ctx, o)
	if err != nil {
		s.t.Fatal(err)
	}
	// How late the publisher was depends on what else this machine does.
	r.Problems = slices.DeleteFunc(r.Problems, func(p string) bool { return strings.Contains(p, "ms late") })
	s.t.Cleanup(func() {
		if s.t.Failed() {
			_ = r.Print(s.t.Output())
		}
	})
	return r
}

// children are the processes that this one has started and that are not gone.
func children(t testing.TB) (pids []string) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // of a thread that has just ended there is none
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

// descriptors is how many are open.
func descriptors(t testing.TB) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
