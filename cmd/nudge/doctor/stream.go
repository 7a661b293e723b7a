package doctor

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"
)

// stream is an open response of /events, and what has arrived on it.
type stream struct {
	status   int
	header   http.Header
	refusal  reply // if it is no stream
	encoding string
	major    int // version of HTTP
	began    time.Time
	stop     context.CancelFunc

	mu     sync.Mutex
	events []event
	ended  time.Time // zero: it is open
	more   chan struct{}
}

// event is one event, and when it arrived.
type event struct {
	kind string
	at   time.Time
	data struct {
		Push        string
		Project     string
		Version     int64
		Versions    map[string]int64
		Waiting     []string
		Denied, Off []string
		Reason      string
		HeartbeatMS int64 `json:"heartbeat_ms"`
	}
}

// subscribe opens a stream. With an encoding of "identity" nothing may compress it. The error is that of the network; the stream
// may also be a refusal.
func (x *exam) subscribe(ctx context.Context, encoding string, projects []string, with credentials) (*stream, error) {
	ctx, stop := context.WithCancel(ctx)
	r := x.request(ctx, http.MethodGet, "events", url.Values{"project": projects}, with)
	r.Header.Set("Accept-Encoding", encoding)
	impatient := time.AfterFunc(patience, stop)
	began := time.Now()
	resp, err := x.http.RoundTrip(r)
	if !impatient.Stop() && err == nil {
		resp.Body.Close()
		err = context.DeadlineExceeded
	}
	if err != nil {
		stop()
		if ctx.Err() != nil {
			err = context.DeadlineExceeded
		}
		return nil, cause(err)
	}
	s := &stream{
		status: resp.StatusCode, header: resp.Header, encoding: resp.Header.Get("Content-Encoding"), major: resp.ProtoMajor, began: began, stop: stop,
		more: make(chan struct{}, 1),
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		defer stop()
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16)) // without a body, the status is enough
		s.refusal = reply{status: resp.StatusCode, header: resp.Header}
		s.refusal.ours = json.Unmarshal(text, &s.refusal.gate) == nil && s.refusal.gate.Code != "" ||
			resp.StatusCode == http.StatusNoContent && resp.Header.Get("Cache-Control") != ""
		return s, nil
	}
	go s.read(resp.Body)
	return s, nil
}

// read collects events until the stream ends.
func (s *stream) read(body io.ReadCloser) {
	defer body.Close()
	defer func() {
		s.mu.Lock()
		s.ended = time.Now()
		s.mu.Unlock()
		s.wake()
	}()
	var text io.Reader = body
	if s.encoding == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return
		}
		text = unpacked
	}
	for e, err := range sse.Read(text, nil) {
		if err != nil {
			return
		}
		one := event{kind: e.Type, at: time.Now()}
		_ = json.Unmarshal([]byte(e.Data), &one.data) // an event without these fields has none of them
		s.mu.Lock()
		s.events = append(s.events, one)
		s.mu.Unlock()
		s.wake()
	}
}

func (s *stream) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// until waits for an event that is wanted, and returns it. nil: it did not come in time, or the stream ended.
func (s *stream) until(ctx context.Context, limit time.Time, wanted func(event) bool) *event {
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	for {
		s.mu.Lock()
		for i := range s.events {
			if wanted(s.events[i]) {
				found := s.events[i]
				s.mu.Unlock()
				return &found
			}
		}
		ended := !s.ended.IsZero()
		s.mu.Unlock()
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return nil
		case <-s.more:
		}
	}
}

// lived is how long the stream lived, or 0 while it is open.
func (s *stream) lived() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.IsZero() {
		return 0
	}
	return s.ended.Sub(s.began)
}

// newest is the newest event.
func (s *stream) newest() event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 {
		return event{}
	}
	return s.events[len(s.events)-1]
}

func is(kind string) func(event) bool { return func(e event) bool { return e.kind == kind } }

// last watches the stream, to see whether something cuts it.
func (x *exam) last(ctx context.Context) bool {
	s := x.stream
	if s == nil || x.Watch == 0 {
		why := "no stream gets events"
		if s != nil {
			why = "--watch is 0s"
		}
		x.skip("cut", why)
		return true
	}
	defer s.stop()
	end := s.began.Add(x.Watch)
	if rest := time.Until(end); rest > 0 {
		x.busy("watching the stream for %s more, to see whether something cuts it", rest.Round(time.Second))
	}
	heartbeat := time.Duration(s.first().data.HeartbeatMS) * time.Millisecond
	goodbye := s.until(ctx, end, is("goodbye"))
	silent := time.Since(s.newest().at)
	switch {
	case goodbye != nil:
		x.ok("cut", "the gateway ended the stream itself after %s (%s)", seconds(goodbye.at.Sub(s.began)), goodbye.data.Reason)
	case s.lived() > 0:
		x.broken("cut", cut, "let answers of /events live without a limit, and allow 75 s of silence",
			"something ends streams after %s, without a goodbye of the gateway", seconds(s.lived()))
	case heartbeat > 0 && silent > 2*heartbeat:
		x.broken("cut", cut, "allow 75 s of silence", "the stream is open, but silent since %s", seconds(silent))
	default:
		x.ok("cut", "the stream is still open after %s", seconds(time.Since(s.began)))
	}
	return true
}

// first is the first event: the hello.
func (s *stream) first() event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[0]
}
