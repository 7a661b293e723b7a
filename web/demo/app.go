package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"nudge/web"
)

// Project is the demo's board; this application publishes it.
const Project = "42"

// publishTimeout limits how long a change waits until its hint is taken. The change is committed by then, so a timeout costs
// the hint, not the change.
const publishTimeout = 5 * time.Second

// Options connects the demo to Nudge. The zero value works: the board changes without hints, and what has no function
// answers 501.
type Options struct {
	// Publish announces a change. It is called after the change is committed, outside every lock, possibly by several
	// requests at once and then in any order. Its context survives the request and ends after 5 s. An error is logged and
	// told to the caller; the change stays. Nil: nothing is announced.
	Publish func(context.Context, Change) error
	// Switches are what visitors may turn off and on, by name. The page knows "redis", "gateway", "events" (the proxy lets
	// them through) and "push".
	Switches map[string]Switch
	// Token signs a token with which the page may subscribe to Project, valid for ttl.
	Token func(ttl time.Duration) (string, error)

	// Scripts are the application's own copies of nudge.js and nudge.inspect.js, and of their maps, by name. A page that imported them from the
	// gateway would not run while that is stopped.
	Scripts map[string][]byte

	// Fast and Slow are the poll intervals without push and with healthy push. The board that only polls does so every Fast.
	// 0: 3 s and 60 s.
	Fast, Slow time.Duration
	// TokenTTL is the life of the page's tokens. 0: 1 h.
	TokenTTL time.Duration
	// WatchCommand is a command line that prints what Nudge sends; the page offers it for copying. Empty: it offers none.
	WatchCommand string
	// Hosts are names under which the demo may be reached, besides IP addresses and localhost. It refuses other names, so
	// that a foreign web site whose name resolves to this machine cannot use the demo.
	Hosts []string
	// Log takes refused hints and switches. Nil: they are dropped.
	Log *slog.Logger
}

// Change is one change of Project, as it is announced.
type Change struct {
	// Version is the board's version with the change, Prev the one before.
	Version, Prev int64
	// Writer tags the board that made the change; it may be empty.
	Writer string
	// Data is the change itself; nil while visitors have turned that off.
	Data json.RawMessage
}

// App is the demo's application: the page at /, its files and endpoints below /app/. It answers everything else with 404. Safe
// for concurrent use.
type App struct {
	opts      Options
	board     *board
	colleague colleague
	plain     atomic.Bool // announce numbers alone, without the change
	files     map[string]http.HandlerFunc
	mux       *http.ServeMux
	guard     *http.CrossOriginProtection
	protected http.Handler // all of the above, with the headers that protect the page
}

// New makes the application with its first stories. It starts nothing.
func New(opts Options) *App {
	if opts.Fast == 0 {
		opts.Fast = 3 * time.Second
	}
	if opts.Slow == 0 {
		opts.Slow = 60 * time.Second
	}
	if opts.TokenTTL == 0 {
		opts.TokenTTL = time.Hour
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{
		opts:      opts,
		board:     newBoard(seed),
		colleague: newColleague(),
		files:     loadFiles(opts.Scripts),
		guard:     http.NewCrossOriginProtection(),
	}
	a.mux = a.routes()
	a.protected = web.Protection{Policy: contentSecurityPolicy}.Around(http.HandlerFunc(a.guarded))
	return a
}

// Version is the board's newest version. A caller that publishes it at start spares every page one poll for "unknown".
func (a *App) Version() int64 { return a.board.newest() }

// AddCommand is the command line that adds a story through the application served at base, an origin such as
// http://localhost:8080.
func AddCommand(base string) string {
	return fmt.Sprintf("curl -d 'title=Write the release note' %s/app/projects/%s/stories", base, Project)
}

// ServeHTTP answers requests for the page and the application.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.protected.ServeHTTP(w, r)
}

// guarded refuses what other sites ask for, and serves the rest.
func (a *App) guarded(w http.ResponseWriter, r *http.Request) {
	if !a.hostAllowed(r.Host) {
		writeProblem(w, problem{
			http.StatusForbidden, "host", "",
			fmt.Sprintf("host %q is not served here; open the demo by its address, such as http://localhost:8080", r.Host),
		})
		return
	}
	if err := a.guard.Check(r); err != nil {
		writeProblem(w, problem{
			http.StatusForbidden, "origin", "",
			"the request comes from another site; change the board from its own page or from a terminal",
		})
		return
	}
	a.mux.ServeHTTP(w, r)
}

// announce publishes a committed change, and tells whether the hint was taken.
func (a *App) announce(ctx context.Context, e event) bool {
	if a.opts.Publish == nil {
		return false
	}
	c := Change{Version: e.Version, Prev: e.Version - 1, Writer: e.Writer}
	if !a.plain.Load() {
		c.Data, _ = json.Marshal(e) // an event always marshals
	}
	// Whoever made the change may be gone; everybody else still wants to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if err := a.opts.Publish(ctx, c); err != nil {
		a.opts.Log.Info("hint not taken", "project", Project, "version", e.Version, "error", err)
		return false
	}
	return true
}
