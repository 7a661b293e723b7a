package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmaxmax/go-sse"
)

// event is one event of a stream, as a parser that is not ours reads it.
type event struct {
	sse.Event
	at time.Time
}

// json reads the data into a map.
func (e event) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(e.Data), &m); err != nil {
		t.Fatalf("%v in %q", err, e.Data)
	}
	return m
}

// tap reads a stream.
type tap struct {
	t      testing.TB
	resp   *http.Response
	events chan event // closed at the stream's end
	leave  context.CancelFunc

	mu  sync.Mutex
	raw bytes.Buffer // guarded by mu
}

// open opens a stream and reads it until it ends or the test does.
func (r *rig) open(path string, headers ...string) *tap {
	r.t.Helper()
	p, status := r.tryOpen(path, headers...)
	if p == nil {
		r.t.Fatalf("%s: %s", path, status)
	}
	return p
}

// tryOpen is open for a stream that may be refused; then it returns nil, and the status.
func (r *rig) tryOpen(path string, headers ...string) (p *tap, status string) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	resp, err := r.client.Do(r.request(ctx, http.MethodGet, path, "", append([]string{"Accept: text/event-stream"}, headers...)...))
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		cancel()
		return nil, resp.Status
	}
	return newTap(r.t, resp, cancel), ""
}

func newTap(t testing.TB, resp *http.Response, cancel context.CancelFunc) *tap {
	p := &tap{t: t, resp: resp, events: make(chan event, 1000), leave: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.events)
		for e, err := range sse.Read(io.TeeReader(resp.Body, p), nil) {
			if err != nil {
				return // the test went away
			}
			p.events <- event{e, time.Now()}
		}
	}()
	t.Cleanup(func() {
		cancel()
		resp.Body.Close()
		<-done
	})
	return p
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.Write(b)
}

// text is all that came so far.
func (p *tap) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// next waits for the next event, of this name.
func (p *tap) next(name string) map[string]any {
	p.t.Helper()
	select {
	case e, ok := <-p.events:
		if !ok {
			p.t.Fatalf("the stream ended where %s was to come", name)
		}
		if e.Type != name {
			p.t.Fatalf("%s %s where %s was to come", e.Type, e.Data, name)
		}
		return e.json(p.t)
	case <-time.After(time.Hour): // fake, or the test's own timeout comes first
		p.t.Fatalf("no %s within an hour", name)
		return nil
	}
}

// find waits for an event of this name, whatever comes before.
func (p *tap) find(name string) event {
	p.t.Helper()
	for e := range p.events {
		if e.Type == name {
			return e
		}
	}
	p.t.Fatalf("the stream ended without %s", name)
	return event{}
}

// now are the events that have come, in a bubble without that time passes.
func (p *tap) now() []event {
	synctest.Wait()
	var all []event
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				return all
			}
			all = append(all, e)
		default:
			return all
		}
	}
}

// ended tells whether the stream is over, in a bubble without that time passes.
func (p *tap) ended() bool {
	synctest.Wait()
	for {
		select {
		case _, ok := <-p.events:
			if !ok {
				return true
			}
		default:
			return false
		}
	}
}

// only are the events of one name.
func only(name string, all []event) []event {
	var some []event
	for _, e := range all {
		if e.Type == name {
			some = append(some, e)
		}
	}
	return some
}
