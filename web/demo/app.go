package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// The two projects of the demo.
const (
	// BoardProject is the event-sourced board; this application publishes it.
	BoardProject = "42"
	// CounterProject has no writer here: it shows the newest number that
	// somebody published to it.
	CounterProject = "counter"
)

// publishTimeout bounds how long a change waits for its hint to be taken. The
// change is committed by then, so giving up costs the hint, not the change.
const publishTimeout = 5 * time.Second

// Options connects the demo to Nudge. The zero value works: the board changes
// without hints, and what has no function answers 501.
type Options struct {
	// Publish announces that project went from prev to version. It is called
	// after the change is committed, outside every lock, possibly by several
	// requests at once and then in any order. Its context survives the request
	// and ends after 5 s. An error is logged and told to the caller; the change
	// stays. Nil: nothing is announced.
	Publish func(ctx context.Context, project string, version, prev int64) error
	// SetPush turns the real flag on or off; Push tells what it is now.
	SetPush func(on bool) error
	Push    func() bool
	// Token signs a token with which the page may subscribe to both projects,
	// valid for ttl.
	Token func(ttl time.Duration) (string, error)
	// Newest is the newest number published to a project, false if none is
	// known. It is asked for CounterProject only. Nil: none is known.
	Newest func(project string) (int64, bool)

	// Fast and Slow are the poll intervals without push and with healthy push;
	// the page starts with Fast and compares itself with it. 0: 3 s and 60 s.
	Fast, Slow time.Duration
	// TokenTTL is the life of the page's tokens. 0: 1 h.
	TokenTTL time.Duration
	// PublishCommand is a command line, shown on the page to be copied, that
	// publishes a number to CounterProject. Empty: the page shows none.
	PublishCommand string
	// Hosts are names under which the demo may be reached besides IP addresses
	// and localhost. Other names are refused, so that a foreign web site whose
	// name resolves to this machine cannot use the demo.
	Hosts []string
	// Log takes refused hints and flag changes. Nil: they are dropped.
	Log *slog.Logger
}

// App is the demo's application: the page at /, its files and endpoints below
// /app/. Everything else is answered with 404. Safe for concurrent use.
type App struct {
	opts  Options
	board *board
	files map[string]file
	mux   *http.ServeMux
	guard *http.CrossOriginProtection
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
		opts:  opts,
		board: newBoard(seed),
		files: loadFiles(),
		guard: http.NewCrossOriginProtection(),
	}
	a.mux = a.routes()
	return a
}

// Version is the board's newest version. A caller that publishes it at start
// spares every page one poll for "unknown".
func (a *App) Version() int64 { return a.board.newest() }

// AddCommand is the command line that adds a story through the application
// served at base, an origin such as http://127.0.0.1:8080.
func AddCommand(base string) string {
	return fmt.Sprintf("curl -d 'title=Write the release note' %s/app/projects/%s/stories", base, BoardProject)
}

// ServeHTTP answers requests for the page and the application.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", contentSecurityPolicy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "same-origin")
	if !a.hostAllowed(r.Host) {
		writeFault(w, fault{
			http.StatusForbidden, "host", "",
			fmt.Sprintf("host %q is not served here; open the demo by its address, such as http://127.0.0.1:8080", r.Host),
		})
		return
	}
	if err := a.guard.Check(r); err != nil {
		writeFault(w, fault{
			http.StatusForbidden, "origin", "",
			"the request comes from another site; change the board from its own page or from a terminal",
		})
		return
	}
	a.mux.ServeHTTP(w, r)
}

// announce publishes a committed change, and tells whether the hint was taken.
func (a *App) announce(ctx context.Context, version int64) bool {
	if a.opts.Publish == nil {
		return false
	}
	// Whoever made the change may be gone; everybody else still wants to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if err := a.opts.Publish(ctx, BoardProject, version, version-1); err != nil {
		a.opts.Log.Warn("hint not taken", "project", BoardProject, "version", version, "error", err)
		return false
	}
	return true
}
