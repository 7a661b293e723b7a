//go:build linux

package load

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nudge/cmd/nudge/load/sse"
)

// Each way of not getting a stream is counted by itself, and says what to do.
func TestRefused(t *testing.T) {
	problem := func(w http.ResponseWriter, status int, retry, detail string) bool {
		w.Header().Set("Content-Type", "application/problem+json")
		if retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"detail":%q}`, status, detail)
		return true
	}
	goodbyes := func(w http.ResponseWriter, reason string, after int) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "retry: 1\nevent: goodbye\ndata: {\"reason\":%q,\"after_ms\":%d,\"spread_ms\":%[2]d}\n\n", reason, after)
		return true
	}
	for _, tt := range []struct {
		name    string
		answer  func(w http.ResponseWriter) bool
		refused string
		failed  string
		says    string
	}{
		{"401", func(w http.ResponseWriter) bool { return problem(w, 401, "", "the token is bad") }, "401", "", `"the token is bad": the gateway refuses the token; set NUDGE_AUTH_SECRET`},
		{"403", func(w http.ResponseWriter) bool { return problem(w, 403, "", "no") }, "403", "", "nudge token --subscribe 'load-*'"},
		{"404", func(w http.ResponseWriter) bool { return problem(w, 404, "", "no") }, "404", "", "base_path"},
		{"429", func(w http.ResponseWriter) bool { return problem(w, 429, "30", "") }, "429/30s", "", "limits.streams_per_subject"},
		{"503 full", func(w http.ResponseWriter) bool { return problem(w, 503, "10", "") }, "503/10s", "", "raise limits.streams or"},
		{"503 fast", func(w http.ResponseWriter) bool { return problem(w, 503, "5", "") }, "503/5s", "", "limits.connects_per_second"},
		{"503", func(w http.ResponseWriter) bool { return problem(w, 503, "", "") }, "503", "", "limits.streams, limits.connects"},
		{"204", func(w http.ResponseWriter) bool { w.WriteHeader(204); return true }, "204", "", "push is off"},
		{"500", func(w http.ResponseWriter) bool { return problem(w, 500, "", "a bug") }, "500", "", "log"},
		{"overload", func(w http.ResponseWriter) bool { return goodbyes(w, "overload", 10000) }, "overload/10s", "", "raise limits.streams or"},
		{"draining", func(w http.ResponseWriter) bool { return goodbyes(w, "drain", 1000) }, "drain/1s", "", "being stopped"},
		{"ends", func(w http.ResponseWriter) bool { w.Header().Set("Content-Type", "text/event-stream"); return true }, "", "end before the hello", "log"},
		{"a page", func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>"); return true }, "", `an answer of type "text/html" instead of text/event-stream`, "log"},
		{"no event of a gateway", func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "event: hello\ndata: Hi!\n\n")
			return true
		}, "", errEvent.Error(), "log"},
		{"silence", nil, "", sse.ErrSilent.Error(), "--connect-timeout"},
		{"cut", func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }, "", "end before the hello", "log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			ended := make(chan struct{})
			s.stream = func(n int, w http.ResponseWriter) bool {
				if n%2 == 1 {
					return false
				}
				if tt.name == "silence" {
					w.Header().Set("Content-Type", "text/event-stream")
					w.(http.Flusher).Flush()
					<-ended
					return true
				}
				return tt.answer(w)
			}
			o := Options{Streams: 10, Projects: 2, Rate: 20, Duration: 100 * time.Millisecond, Timeout: 10 * time.Second, Grace: 20 * time.Second, Inflight: 1}
			if tt.name == "silence" {
				o.Timeout, o.Inflight = 3*time.Second, 0
			}
			r := s.run(o)
			close(ended)
			refused, failed := map[string]int64{}, map[string]int64{}
			if tt.refused != "" {
				refused[tt.refused] = 5
			} else {
				failed[tt.failed] = 5
			}
			if r.OK() || r.Connect.Opened != 5 || !reflect.DeepEqual(r.Connect.Refused, refused) || !reflect.DeepEqual(r.Connect.Failed, failed) {
				t.Errorf("opened %d, refused %v, failed %v; want %v, %v", r.Connect.Opened, r.Connect.Refused, r.Connect.Failed, refused, failed)
			}
			if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], tt.says) {
				t.Errorf("problems %q, want one with %q", r.Problems, tt.says)
			}
			if r.Streams.Open != 5 || r.Streams.Lost != 0 || r.Publish.Advances != 2 || r.Deliver.Delivered != 5 {
				t.Errorf("the others suffer: %+v, %+v", r.Streams, r.Deliver)
			}
		})
	}
}

// Streams that end midway are closed, by reason; with Reopen they come back, and lose nothing.
func TestClosed(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		t.Run(fmt.Sprint("reopen ", reopen), func(t *testing.T) {
			t.Parallel()
			duration, streams := 300*time.Millisecond, 10
			if reopen { // without a goodbye they come back after 1 to 2 s
				duration, streams = 3*time.Second, 14
			}
			s := newScript(t)
			begin := make(chan struct{}) // closed by the first advance
			var began atomic.Bool
			s.advance = func(int, Advance) bool {
				if !began.Swap(true) {
					close(begin)
				}
				return true
			}
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				<-begin
				s.say(0, "event: goodbye\ndata: {\"reason\":\"rotate\",\"after_ms\":0,\"spread_ms\":0}\n\nevent: version\ndata: late\n\n")
				s.say(1, "event: goodbye\ndata: {\"reason\":\"drain\",\"after_ms\":10,\"spread_ms\":10}\n\n")
				s.say(2, "event: goodbye\ndata: {\"reason\":\"off\",\"after_ms\":0,\"spread_ms\":0}\n\n")
				s.say(3, "event: version\ndata: nonsense\n\n")
				s.say(4, "") // which is the end of a chunked body
			}()
			half := int(20 * duration / time.Second / 2)
			published := 0
			r := s.run(Options{
				Streams: 10, Projects: 1, Rate: 20, Duration: duration, Reopen: reopen,
				Publish: func(ctx context.Context, a []Advance) (int, error) {
					if published += len(a); published > half { // the other half is for those that have come back too
						s.await(streams)
					}
					return s.publish(ctx, a)
				},
			})
			<-gone
			want := map[string]int64{"rotate": 1, "drain": 1, "off": 1, "end": 1, errEvent.Error(): 1}
			if !reflect.DeepEqual(r.Streams.Closed, want) {
				t.Errorf("closed %v, want %v", r.Streams.Closed, want)
			}
			open, reopened := 5, int64(0)
			if reopen {
				open, reopened = 9, 4 // off is for good
			}
			if r.OK() || r.Streams.Open != open || r.Streams.Missing != 10-open || r.Streams.Reopened != reopened || r.Streams.Lost != 0 {
				t.Errorf("reopen %v: %+v", reopen, r.Streams)
			}
			if n := int64(20 * duration / time.Second); r.Publish.Advances != n || r.Deliver.Skipped != 0 || r.Deliver.Delivered < n*int64(open)/2 {
				t.Errorf("reopen %v: %d advances, %+v", reopen, r.Publish.Advances, r.Deliver)
			}
		})
	}
}

// What a stream jumped over before it went and came back is skipped; what came while it was away is not.
func TestSkippedBeforeReturn(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	var told atomic.Int64
	s.advance = func(n int, a Advance) bool {
		k := told.Add(1)
		if k == 4 {
			s.streams[n] <- versionEvent(a.Project, a.Version) + "event: goodbye\ndata: {\"reason\":\"rotate\",\"after_ms\":0,\"spread_ms\":0}\n\n"
			return false
		}
		return k != 2 && k != 3
	}
	r := s.run(Options{Streams: 1, Projects: 1, Rate: 50, Duration: 400 * time.Millisecond, Reopen: true})
	if !r.OK() || r.Streams.Reopened != 1 || r.Deliver.Skipped != 2 || r.Deliver.Delivered > 18 {
		t.Errorf("%+v, %+v; want 2 skipped", r.Streams, r.Deliver)
	}
}

// A window does not wait for who has gone.
func TestWindowWithoutOne(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var calls atomic.Int64
	s.advance = func(n int, _ Advance) bool { return n != 0 }
	r := s.runUntil(ctx, Options{
		Streams: 3, Projects: 1, Window: 1, Duration: time.Hour, Grace: time.Hour,
		Publish: func(ctx context.Context, a []Advance) (int, error) {
			switch calls.Add(1) {
			case 1:
				time.AfterFunc(50*time.Millisecond, func() { s.say(0, "") }) // when the others have it
			case 5:
				defer stop()
			}
			return s.publish(ctx, a)
		},
	})
	if r.Streams.Open != 2 || r.Publish.Dropped != 0 || r.Publish.Advances != 5 {
		t.Errorf("%+v, %+v", r.Streams, r.Publish)
	}
}

// When no stream is left there is nothing to wait for.
func TestAllClosed(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.advance = func(n int, _ Advance) bool {
		s.streams[n] <- ""
		return false
	}
	began := time.Now()
	r := s.run(Options{Streams: 10, Projects: 1, Window: 1, Duration: time.Hour, Grace: time.Minute})
	if r.Streams.Closed["end"] != 10 || r.Streams.Open != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("%+v after %v", r.Streams, time.Since(began))
	}
}
