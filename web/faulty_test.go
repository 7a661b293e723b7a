//go:build unix

package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// heartbeat is longer than a stream's proof may take, as it is with gateways: what a proxy holds back until the next event
// then comes too late.
const heartbeat = 15 * time.Second

// faulty is a gateway with an application beside it, which does what is not right as well as what is.
type faulty struct {
	*httptest.Server
	// streams are what becomes of the first stream, the second, and so on; the last one also of all further.
	streams []func(*exchange)
	// terms may answer /poll-interval; false: as a gateway does.
	terms func(n int, w http.ResponseWriter) bool
	// policy is the Content-Security-Policy of its pages, and workers are scripts by path.
	policy  string
	workers map[string]string
	// pages are further ones, by path.
	pages map[string]string
	// off: push is switched off by the flag.
	off atomic.Bool
	// speed is that of the pages.
	speed atomic.Int64
	// lag is how many polls still get the version before the newest.
	lag int

	mu       sync.Mutex
	version  int64
	opened   int
	asked    int
	live     map[*exchange]bool
	changed  chan struct{}   // closed and replaced with each version
	stirred  chan struct{}   // the same with whatever pages do
	last     time.Time       // when a stream was opened last
	closed   time.Time       // and when one ended
	missed   int             // reports of it
	protos   map[string]bool // of requests
	tokens   map[string]bool // in their headers
	sessions []string        // the tokens that sessions were begun with
}

// virtual is how long so much of a page's life takes.
func (f *faulty) virtual(d time.Duration) time.Duration { return d / time.Duration(f.speed.Load()) }

type object = map[string]any

func newFaulty(t testing.TB, streams ...func(*exchange)) *faulty {
	f := &faulty{streams: streams, version: 100, live: map[*exchange]bool{}, changed: make(chan struct{}), stirred: make(chan struct{}), protos: map[string]bool{}, tokens: map[string]bool{}}
	f.speed.Store(speed)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", f.events)
	mux.HandleFunc("GET /poll-interval", f.pollInterval)
	mux.HandleFunc("GET /versions", f.versions)
	mux.HandleFunc("POST /session", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sessions = append(f.sessions, r.Header.Get("X-Nudge-Token"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /missed", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.missed++
		f.stir()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /changes", f.changes)
	mux.HandleFunc("GET /", f.site)
	f.Server = httptest.NewUnstartedServer(f.watch(crossOrigin(mux)))
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *faulty) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.protos[r.Proto] = true
		f.tokens[r.Header.Get("Authorization")] = true
		f.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// crossOrigin lets pages of any origin in, with their cookies.
func crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization")
		}
		if r.Method == http.MethodOptions {
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *faulty) events(w http.ResponseWriter, r *http.Request) {
	if f.off.Load() {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	x := &exchange{ResponseWriter: w, request: r, gateway: f, news: make(chan object, 100), ended: make(chan struct{})}
	f.mu.Lock()
	script := f.streams[min(f.opened, len(f.streams)-1)]
	f.opened++
	f.last = time.Now()
	f.stir()
	f.live[x] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.live, x)
		f.closed = time.Now()
		f.stir()
	}()
	script(x)
}

func (f *faulty) pollInterval(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	n := f.asked
	f.asked++
	f.mu.Unlock()
	if f.terms != nil && f.terms(n, w) {
		return
	}
	if f.off.Load() {
		says(w, cadence(object{"push": "off", "poll_ms": 2000, "ttl_ms": 5000, "denied": []string{}, "off": []string{"42"}, "refusing": ""}))
		return
	}
	says(w, cadence(object{"ttl_ms": 60_000, "connect_after_ms": 0, "denied": []string{}, "off": []string{}, "refusing": ""}))
}

// versions holds a request until there is a newer version than it names.
func (f *faulty) versions(w http.ResponseWriter, r *http.Request) {
	var id string
	var has int64
	fmt.Sscanf(r.URL.Query().Get("project"), "%2s@%d", &id, &has)
	limit := time.After(f.virtual(25 * time.Second))
	for {
		now, changed := f.newest()
		if now > has {
			says(w, cadence(object{"versions": object{"42": now}, "unknown": []string{}, "spread_ms": 0}))
			return
		}
		select {
		case <-changed:
		case <-limit:
			says(w, cadence(object{"versions": object{"42": now}, "unknown": []string{}, "spread_ms": 0}))
			return
		case <-r.Context().Done():
			return
		}
	}
}

// changes is the application's poll.
func (f *faulty) changes(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.version
	if since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64); f.lag > 0 && since < v {
		f.lag--
		v--
	}
	says(w, object{"version": v})
}

// count is something that the gateway keeps, which look reads.
func count[T any](f *faulty, look func(*faulty) T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return look(f)
}

// stir needs the lock.
func (f *faulty) stir() {
	close(f.stirred)
	f.stirred = make(chan struct{})
}

// until waits for something that pages do, which holds looks at with the lock.
func (f *faulty) until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.After(enginetest.Patience); ; {
		f.mu.Lock()
		done, stirred := holds(), f.stirred
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-stirred:
		case <-limit:
			t.Fatalf("not within %s: %s", enginetest.Patience, what)
		}
	}
}

// unheard makes a version that no stream tells of.
func (f *faulty) unheard() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	return f.version
}

func (f *faulty) newest() (int64, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version, f.changed
}

// commit makes a version, and announces it to the streams that are open; more is what else they are told with it.
func (f *faulty) commit(more object) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	close(f.changed)
	f.changed = make(chan struct{})
	f.announce(f.version, more)
	return f.version
}

// announce needs the lock.
func (f *faulty) announce(v int64, more object) {
	news := object{"project": "42", "version": v, "spread_ms": 0}
	for key, value := range more {
		news[key] = value
	}
	for x := range f.live {
		select {
		case x.news <- news:
		default: // nobody reads them
		}
	}
}

// beat sends all streams a heartbeat, before they would have it.
func (f *faulty) beat() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for x := range f.live {
		x.news <- cadence(nil)
	}
}

// switchOff is what the flag does: goodbyes to all.
func (f *faulty) switchOff() {
	f.off.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	for x := range f.live {
		x.news <- object{"reason": "off", "after_ms": 0, "spread_ms": 0}
	}
}

// cut ends all streams.
func (f *faulty) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for x := range f.live {
		close(x.ended)
		delete(f.live, x)
	}
}

// repeat announces versions that may be known.
func (f *faulty) repeat(versions ...int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range versions {
		f.announce(v, nil)
	}
}

func cadence(more object) object {
	all := object{"push": "healthy", "poll_ms": 60_000, "fast_ms": 2000, "jitter": 0.2, "heartbeat_ms": heartbeat.Milliseconds()}
	for key, value := range more {
		all[key] = value
	}
	return all
}

func hello(v int64) object {
	return cadence(object{"protocol": 1, "node": "a", "spread_ms": 0, "versions": object{"42": v}, "unknown": []string{}, "waiting": []string{}, "denied": []string{}, "off": []string{}})
}

func says(w http.ResponseWriter, what object) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(what)
}
