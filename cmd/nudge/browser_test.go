//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nudge/version/redistest"
	"nudge/web/enginetest"
)

// page is one tab of the application, or of the demo.
type page struct{ *enginetest.Tab }

// open opens a tab with url, and waits until its nudge is there.
func open(t testing.TB, browser *enginetest.Browser, url string) *page {
	t.Helper()
	p := &page{browser.Open(t, url)}
	p.Until("!!window.nudge")
	return p
}

// eval gives the value of an expression on the page.
func eval[T any](p *page, expression string) T { return enginetest.Eval[T](p.Tab, expression) }

// snapshot waits until a condition on nudge's snapshot s holds.
func (p *page) snapshot(condition string) {
	p.Until("(s => " + condition + ")(nudge.getSnapshot())")
}

// application is what Nudge serves: a versioned poll endpoint, and a page that polls it.
type application struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	version int64
	polls   []poll
}

type poll struct {
	at     time.Time
	reason string
	since  int64
	got    int64
}

const applicationPage = `<!doctype html><meta charset="utf-8"><title>page</title>
<script type="module">
import { createNudge } from '%[1]s/nudge.js'
const shared = location.search === '?tabs' && (await import('%[1]s/nudge.tabs.js')).tabs({ scope: 'alice' })
window.polls = []
window.state = () => JSON.stringify([nudge.getSnapshot(), polls])
window.applied = []
window.nudge = createNudge({
  projects: { 42: %[2]d },
  gateway: '%[1]s',
  fast: 1000,
  transport: shared || undefined,
  writer: 'this-tab',
  apply: ({ project, version, prev, data }) => window.applied.push([project, version, prev, data.title]),
  getToken: async () => (await fetch('/token', { method: 'POST' })).text(),
  poll: async ({ reason, projects, signal }) => {
    const answer = await fetch('/changes?reason=' + reason + '&since=' + projects[42].have, { signal })
    const { version } = await answer.json()
    window.polls.push({ reason, version, at: Date.now() })
    return { versions: { 42: version } }
  },
})
</script>`

func newApplication(t testing.TB, gateway string) *application {
	a := &application{t: t, version: 100}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, applicationPage, gateway, a.version)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, mint(t, tokenClaims{subject: "alice", subscribe: []string{"42"}}))
	})
	mux.HandleFunc("GET /changes", func(w http.ResponseWriter, r *http.Request) {
		since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.polls = append(a.polls, poll{time.Now(), r.URL.Query().Get("reason"), since, a.version})
		fmt.Fprintf(w, `{"version":%d}`, a.version)
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// commit raises the version without telling anybody.
func (a *application) commit() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	return a.version
}

// caused are the polls since, but for those whose time had come anyway.
func (a *application) caused(since int) (polls []poll) {
	for _, p := range a.polled()[since:] {
		if p.reason != "interval" {
			polls = append(polls, p)
		}
	}
	return polls
}

func (a *application) polled() []poll {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]poll(nil), a.polls...)
}

// stage is Redis, a gateway, the application, and a page of it with a proven stream.
type stage struct {
	t        testing.TB
	chromium *enginetest.Browser
	redis    *redistest.Server
	gateway  *gatewayProcess
	app      *application
	page     *page
	config   string // of the gateway, as it stood at the start
	file     string // the same, for commands
}

func newStage(t testing.TB) *stage {
	s := &stage{t: t, chromium: enginetest.Chromium(t, enginetest.Options{}), redis: redistest.Start(t)}
	address := redistest.FreeAddress(t)
	s.app = newApplication(t, "http://"+address)
	// With so long a slow interval the first step of trust, after 3 s, is what proven waits for.
	s.config = strings.Replace(quick(address, s.redis.Addr, "{ramp: 1s}"), "slow: 60s", "slow: 1h", 1) + "cors: {origins: [\"" + s.app.URL + "\"]}\n"
	s.redis.Do("SET", "nudge:{42}", "100")
	s.gateway, s.file = serveFile(t, configFile(t, s.config)), configFile(t, s.config)
	s.page = open(t, s.chromium, s.app.URL)
	s.proven()
	return s
}

// proven waits until the page goes by push, and its next poll is far.
func (s *stage) proven() {
	s.t.Helper()
	s.page.snapshot("s.mode === 'push' && s.push === 'healthy' && s.interval > 10000 && s.nextPollAt - Date.now() > 5000")
}

// publish commits a version, and announces it as the application would.
func (s *stage) publish() int64 {
	s.t.Helper()
	v := s.app.commit()
	runNudge(s.t, "publish", "--config", s.file, fmt.Sprint("42@", v))
	return v
}

func (s *stage) has(v int64) {
	s.t.Helper()
	s.page.snapshot(fmt.Sprintf("s.versions[42] === %d", v))
}

// news counts the polls of the page that push asked for.
func (s *stage) news() int { return eval[int](s.page, "nudge.getSnapshot().stats.newsPolls") }

// A published version makes the page poll, once, at once.
func TestBrowserPollsForNews(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before := len(s.app.polled())
	v := s.publish()
	s.has(v)
	polls := s.app.caused(before)
	if len(polls) != 1 || polls[0].reason != "news" || polls[0].since != 100 || polls[0].got != v {
		t.Errorf("polls for one advance: %+v, want one for news", polls)
	}
}

// Changes that come with their news, through Redis and the gateway, are applied without a poll; so is the page's own. One that
// another version lies before is polled for.
func TestBrowserAppliesDeliveries(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before := len(s.app.polled())
	deliver := func(prev int64, args ...string) int64 {
		v := s.app.commit()
		runNudge(t, append([]string{"publish", "--config", s.file, fmt.Sprint("42@", v), "--prev", fmt.Sprint(prev)}, args...)...)
		return v
	}
	v := deliver(100, "--writer", "another-tab", "--data", `{"title": "Ship \u00e4 <it>"}`)
	s.has(v)
	v = deliver(v, "--writer", "this-tab", "--data", `{"title":"my own"}`)
	s.has(v)
	if polls := s.app.caused(before); len(polls) != 0 {
		t.Errorf("polls for what was delivered: %+v", polls)
	}
	s.app.commit() // and nobody announces it
	v = deliver(v+1, "--data", `{"title":"upon what the page does not have"}`)
	s.has(v)
	if polls := s.app.caused(before); len(polls) != 1 || polls[0].reason != "news" || polls[0].got != v {
		t.Errorf("polls for a gap: %+v, want one for news", polls)
	}
	if got, want := eval[string](s.page, "JSON.stringify(applied)"), `[["42",101,100,"Ship ä <it>"]]`; got != want {
		t.Errorf("applied %s, want %s", got, want)
	}
}

// Redis is killed: the page is told, polls at its old pace, keeps its stream; and recovers by itself.
func TestBrowserRedisKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	streams := eval[int](s.page, "nudge.getSnapshot().stats.streams")
	s.redis.Kill()
	s.page.snapshot("s.push === 'down' && s.interval === 1000")
	s.gateway.untilStatus("/ready", http.StatusOK)
	v := s.app.commit() // there is nobody to announce it to
	s.has(v)
	s.redis.Start()
	s.proven()
	if now := eval[int](s.page, "nudge.getSnapshot().stats.streams"); now != streams {
		t.Errorf("%d streams were opened since Redis was killed, want none", now-streams)
	}
	s.has(s.publish())
}

// The gateway is killed: the page goes on polling at its old pace, comes back, and no poll is lost or doubled.
func TestBrowserGatewayKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.has(s.publish())
	s.gateway.kill()
	s.page.snapshot("s.mode === 'poll' && s.interval === 1000")
	v := s.app.commit()
	s.has(v)
	runNudge(s.t, "publish", "--config", s.file, fmt.Sprint("42@", v)) // Redis is still there
	news, polls := s.news(), len(s.app.polled())
	s.gateway = serveFile(t, s.gateway.file)
	s.proven()
	if now := s.news(); now != news {
		t.Errorf("a hello with nothing new cost %d polls", now-news)
	}
	for _, p := range s.app.caused(polls) {
		t.Errorf("a poll for %q while nothing was new", p.reason)
	}
	before := len(s.app.polled())
	v = s.publish()
	s.has(v)
	if polls := s.app.caused(before); len(polls) != 1 {
		t.Errorf("%d polls for one advance: %+v", len(polls), polls)
	}
}

// The flag in the file: off shortens the interval and ends the stream, on brings both back.
func TestBrowserFlag(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	write(t, s.gateway.file, strings.Replace(s.config, "{ramp", "{enabled: false, ramp", 1))
	s.page.snapshot("s.mode === 'poll' && s.push === 'off' && s.interval === 1000 && s.stream === 'none'")
	s.has(s.app.commit())
	write(t, s.gateway.file, s.config)
	s.proven()
	s.has(s.publish())
	// A broken file changes nothing.
	from := len(s.gateway.stderr.String())
	write(t, s.gateway.file, s.config+"nonsense: 1\n")
	s.gateway.stderr.until(t, from, "nonsense")
	s.has(s.publish())
	s.page.snapshot("s.mode === 'push'")
}
