package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
)

// WatcherOptions are the options of [NewWatcher]. Only Loaded is required.
type WatcherOptions struct {
	// Loader loaded Loaded, and loads it again.
	Loader Loader
	// Loaded is the configuration at the start.
	Loaded *Loaded
	// Apply puts a new configuration in force. The configuration has passed every check, and has the running values of all
	// keys that need a restart. After an error the old one stays. Called from Run's goroutine; nil: nothing to do.
	Apply func(*Config) error
	// Hangup is where SIGHUP arrives; nil: never.
	Hangup <-chan os.Signal
	// Log gets one line per change, refusal or SIGHUP; nil: nobody.
	Log *slog.Logger
	// Looked gets the result of every attempt to reload: nil if all that is on disk is in force, an [ErrRestart] if some keys
	// need a restart, or why the last good configuration stays; and the keys whose new values are in force. For metrics.
	// Called from Run's goroutine.
	Looked func(changed []string, err error)
	// Debounce is how long the file must stay unchanged before it is read, and again before it is used; 0: 100ms.
	Debounce time.Duration
	// Poll is how often the file is read without an event, for file systems that send none; 0: 5s.
	Poll time.Duration
}

// A Watcher reloads the configuration when one of its files changes or SIGHUP comes.
// A file that is refused, or gone, leaves the last good configuration in place.
type Watcher struct {
	WatcherOptions

	events func(paths []string) (*fileEvents, error)

	// Owned by Run.
	running   *Config     // what Apply took last, or the start
	hadFile   bool        // a file was read once, so it may not be missing
	seen      fingerprint // of the file that was last loaded or refused
	candidate fingerprint // of the file as last read, if that was neither loaded nor refused
	inputs    []string    // the files that the configuration names
	failing   bool        // the last one was refused
	restarted string      // the keys last reported as needing a restart
}

// NewWatcher returns a watcher that does nothing until Run.
func NewWatcher(options WatcherOptions) *Watcher {
	w := &Watcher{WatcherOptions: options, events: newFileEvents}
	w.running, w.seen, w.inputs = options.Loaded.Config, options.Loaded.print, options.Loaded.inputs
	w.hadFile = options.Loaded.Path != ""
	if w.Apply == nil {
		w.Apply = func(*Config) error { return nil }
	}
	if w.Looked == nil {
		w.Looked = func([]string, error) {}
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	if w.Debounce == 0 {
		w.Debounce = 100 * time.Millisecond
	}
	if w.Poll == 0 {
		w.Poll = 5 * time.Second
	}
	return w
}

// Run watches until ctx is done, and then returns nil. To be called once.
func (w *Watcher) Run(ctx context.Context) error {
	var changed <-chan struct{}
	events := w.open()
	if events != nil {
		changed = events.changed
		defer events.close()
	}
	poll := time.NewTicker(w.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(0) // at once: the file may have changed since the first load
	defer quiet.Stop()
	var since time.Time // when the first event came that was not handled; zero: none

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			if since.IsZero() {
				since = time.Now()
			}
			// A directory that changes all the time must not delay the reload for ever.
			if time.Since(since) < 3*w.Debounce {
				quiet.Reset(w.Debounce)
			}
		case <-poll.C:
			quiet.Reset(w.Debounce)
		case <-quiet.C:
			since = time.Time{}
			if events != nil {
				events.follow(w.paths())
			}
			if !w.lookIfChanged() {
				quiet.Reset(w.Debounce)
			}
		case _, open := <-w.Hangup:
			if !open {
				w.Hangup = nil
				continue
			}
			w.look(w.Loader.read(w.inputs), true)
		}
	}
}

// paths are the files whose change may change the configuration.
func (w *Watcher) paths() []string {
	paths := slices.Clone(w.inputs)
	if path, _ := w.Loader.path(); path != "" {
		paths = append(paths, path)
	}
	return paths
}

func (w *Watcher) open() *fileEvents {
	events, err := w.events(directories(w.paths()))
	if err != nil {
		w.Log.Warn("cannot watch the configuration, so its files are read at an interval", "files", strings.Join(w.paths(), " "),
			"every", w.Poll, "error", err, "fix", "raise fs.inotify.max_user_instances")
		return nil
	}
	return events
}

// lookIfChanged reads the file once. It loads the file if it has changed and two readings are the same: a file that is just
// being written may be incomplete and still valid. If settled is false, call lookIfChanged again.
func (w *Watcher) lookIfChanged() (settled bool) {
	r := w.Loader.read(w.inputs)
	now := r.fingerprint()
	if now == w.seen {
		w.candidate = now // and not what was read in between
		return true
	}
	if now != w.candidate {
		w.candidate = now
		return false
	}
	w.look(r, false)
	return true
}

// ErrRestart says that a configuration was applied, except for keys that need a restart.
var ErrRestart = errors.New("configuration changes need a restart")

// An outcome is what became of a reading.
type outcome struct {
	changed []string // keys whose new values are in force
	waiting string   // keys whose new values need a restart
	broken  Problems // in files that keys name: the last good files stay
}

// look loads and applies a reading. asked: it was requested by SIGHUP, so the log gets a line in any case.
func (w *Watcher) look(r *reading, asked bool) {
	got, err := w.take(r, asked)
	w.seen = r.only(w.inputs).fingerprint()
	switch {
	case err != nil:
		w.Log.Error("configuration refused; the last good one stays", "problems", oneLine(err), "fix", "correct what problems names, and save the file again")
	case len(got.changed) > 0:
		w.Log.Info("configuration reloaded", "changed", strings.Join(got.changed, " "))
	case (asked || w.failing) && got.waiting == "" && len(got.broken) == 0:
		w.Log.Info("configuration is good and unchanged")
	}
	if err == nil && len(got.broken) > 0 {
		w.Log.Error("certificate files cannot be used; the last good ones stay", "problems", oneLine(got.broken), "fix", "replace certificate and key together")
		err = got.broken
	}
	w.failing = err != nil
	if err == nil && got.waiting != "" {
		err = fmt.Errorf("%w: %s", ErrRestart, got.waiting)
	}
	w.Looked(got.changed, err)
}

// take makes the reading the running configuration. A certificate that cannot be used does not keep other keys from changing:
// push must be switched off at any time.
func (w *Watcher) take(r *reading, asked bool) (got outcome, err error) {
	// A file is optional. But to remove one hardly means that the defaults should apply.
	if r.missing() && w.hadFile {
		return got, Problems{r.problem()}
	}
	loaded, problems := w.Loader.load(r)
	if len(problems) > 0 {
		return got, problems
	}
	w.inputs = loaded.inputs
	if got.broken = loaded.broken; len(got.broken) > 0 {
		loaded.Config.keepFiles("tls", w.running)
		loaded.Config.keepFiles("redis", w.running)
	}
	next := takeOver(w.running, loaded.Config)
	if problems := next.check(w.Loader.Purpose).locate(loaded.Origins); len(problems) > 0 {
		for i := range problems {
			problems[i].Text += " (with what only a restart can change)"
		}
		return got, problems
	}
	if got.changed = reloaded(w.running, loaded.Config); len(got.changed) > 0 {
		if err := w.Apply(next); err != nil {
			return got, err
		}
	}
	got.waiting = strings.Join(restartNeeded(w.running, loaded.Config), " ")
	if got.waiting != "" && (asked || got.waiting != w.restarted) {
		w.Log.Warn(ErrRestart.Error(), "keys", got.waiting, "fix", "restart the gateway")
	}
	w.restarted = got.waiting
	if len(got.changed) == 0 && got.waiting == "" && len(loaded.Overruled) > 0 {
		// The operator may believe that push is off now.
		w.Log.Warn("the file has changed, but no value in effect has: the environment or a flag overrides these keys",
			"overruled", strings.Join(loaded.Overruled, " "), "fix", "remove the variable or the flag, and restart")
	}
	w.running = next
	w.hadFile = w.hadFile || loaded.Path != ""
	return got, nil
}

func oneLine(err error) string {
	if problems, ok := errors.AsType[Problems](err); ok {
		return problems.joined(" | ")
	}
	return err.Error()
}
