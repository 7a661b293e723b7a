//go:build unix

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"nudge/version/redistest"
)

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
	s.ops.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil))
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

// once reports what is not logged exactly once. A line may come after what else shows the fault, such as a metric.
func (s *stage) once(parts ...string) {
	s.Helper()
	s.wait(fmt.Sprintf("line of the log with %q", parts), 5*prompt, func() bool { return s.logged(parts...) > 0 })
	if n := s.logged(parts...); n > 1 {
		s.Errorf("%d lines of the log have %q, want 1", n, parts)
	}
}

// subscribed tells whether the gateway listens at this server.
func subscribed(server *redistest.Server) bool {
	got, _ := server.Try("CLIENT", "LIST", "TYPE", "PUBSUB")
	text, _ := got.(string)
	return strings.Contains(text, "name=nudge-"+instance+" ")
}

// syncedLog is a log that may be written and read at once.
type syncedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *syncedLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(" msg=request ")) { // one for each stream
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *syncedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
