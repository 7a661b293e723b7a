//go:build unix

package enginetest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Patience is how long a tab may need for anything, on a machine that has much else to do.
const Patience = 2 * time.Minute

// Browser is a running browser.
type Browser struct {
	// Name is chromium or firefox.
	Name string

	engine engine
}

// engine is what browsers do by protocols of their own. A tab is known by what open gave.
type engine interface {
	open(ctx context.Context, url string) (tab any, err error)
	navigate(ctx context.Context, tab any, url string) error
	// evaluate gives what the promise of an expression, which is a string, became.
	evaluate(ctx context.Context, tab any, expression string) (string, error)
	offline(ctx context.Context, tab any, is bool) error
	crash(ctx context.Context, tab any) error
	close(ctx context.Context, tab any) error
}

// Options are what a test needs of a browser that is not its default.
type Options struct {
	// Hosts are names that lead to 127.0.0.1. Over HTTP they are insecure origins, which 127.0.0.1 is not.
	Hosts []string
	// Own: a browser that no other test has. One that ends the processes of tabs needs it.
	Own bool
	// Extension: the files of a browser extension that is installed, by name, without its manifest. Its pages have the origin
	// of Extensions.
	Extension map[string]string
}

// All are the browsers that the shim is tested in.
var All = map[string]func(testing.TB, Options) *Browser{"chromium": Chromium, "firefox": Firefox}

// Tab is one tab of a browser. Whatever fails ends the test.
type Tab struct {
	t      testing.TB
	engine engine
	id     any
}

// Open opens a tab in front of the others, which are hidden by it in some browsers, and returns when its page is loaded. It
// is closed with the test.
func (b *Browser) Open(t testing.TB, url string) *Tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	id, err := b.engine.open(ctx, url)
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		b.engine.close(ctx, id) // unless the test has
	})
	return &Tab{t, b.engine, id}
}

// For is the same tab for a part of the test.
func (tab *Tab) For(t testing.TB) *Tab { return &Tab{t, tab.engine, tab.id} }

// Navigate leaves the page for another, and returns when that is loaded.
func (tab *Tab) Navigate(url string) {
	tab.t.Helper()
	tab.must("navigate to "+url, func(ctx context.Context) error { return tab.engine.navigate(ctx, tab.id, url) })
}

// Back goes back in the tab's history, and does not wait for the page: one that comes back from the cache loads nothing.
func (tab *Tab) Back() {
	tab.t.Helper()
	Eval[any](tab, "setTimeout(() => history.back())")
}

// Offline takes the tab's network away, or gives it back.
func (tab *Tab) Offline(is bool) {
	tab.t.Helper()
	tab.must("change the network", func(ctx context.Context) error { return tab.engine.offline(ctx, tab.id, is) })
}

// Freeze stops all scripts of the tab's page, as browsers do with tabs that were hidden for long; false: this one never does.
func (tab *Tab) Freeze() bool {
	tab.t.Helper()
	freezes, does := tab.engine.(interface {
		freeze(ctx context.Context, tab any) error
	})
	if does {
		tab.must("freeze", func(ctx context.Context) error { return freezes.freeze(ctx, tab.id) })
	}
	return does
}

// Screen is what a page is looked at with.
type Screen struct {
	// Width and Height are in CSS pixels. A width below 600 is a phone.
	Width, Height int
	// Dark: the system's theme is dark.
	Dark bool
	// Calm: the visitor has asked for no motion.
	Calm bool
}

// Show shows the tab on another screen; false: this browser cannot.
func (tab *Tab) Show(s Screen) bool {
	tab.t.Helper()
	shows, does := tab.engine.(interface {
		show(ctx context.Context, tab any, s Screen) error
	})
	if does {
		tab.must("show on a screen", func(ctx context.Context) error { return shows.show(ctx, tab.id, s) })
	}
	return does
}

// Picture is what the tab shows now, as PNG; nil: this browser cannot.
func (tab *Tab) Picture() (png []byte) {
	tab.t.Helper()
	if shows, does := tab.engine.(interface {
		picture(ctx context.Context, tab any) ([]byte, error)
	}); does {
		tab.must("take a picture", func(ctx context.Context) (err error) {
			png, err = shows.picture(ctx, tab.id)
			return err
		})
	}
	return png
}

// Crash ends the tab's process.
func (tab *Tab) Crash() {
	tab.t.Helper()
	tab.must("crash", func(ctx context.Context) error { return tab.engine.crash(ctx, tab.id) })
}

// Close closes the tab as its user would.
func (tab *Tab) Close() {
	tab.t.Helper()
	tab.must("close", func(ctx context.Context) error { return tab.engine.close(ctx, tab.id) })
}

func (tab *Tab) must(what string, do func(context.Context) error) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := do(ctx); err != nil {
		tab.t.Fatalf("%s: %v", what, err)
	}
}

// Eval gives the value of an expression on the page, which may be a promise, as JSON has it.
func Eval[T any](tab *Tab, expression string) (value T) {
	tab.t.Helper()
	tab.must(expression, func(ctx context.Context) error { return tab.evaluate(ctx, expression, &value) })
	return value
}

func (tab *Tab) evaluate(ctx context.Context, expression string, into any) error {
	text, err := tab.engine.evaluate(ctx, tab.id, "(async () => JSON.stringify(await ("+expression+")) ?? 'null')()")
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// Until waits until a condition holds on the page. Between pages nothing holds.
func (tab *Tab) Until(condition string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var holds bool
		err := tab.evaluate(ctx, "!!("+condition+")", &holds)
		if err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tab.t.Fatalf("%s does not hold within %s; %v; the page says %s", condition, Patience, err, tab.state())
		}
	}
}

// state is what the page has in its name, for messages: tests put there what explains a failure.
func (tab *Tab) state() (state string) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := tab.evaluate(ctx, "window.state?.() ?? document.title", &state); err != nil {
		return err.Error()
	}
	return state
}

// program is where the first of these programs is. Without any the test ends.
func program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := strings.Join(names, " or ") + " is not installed: apt-get install " + names[0]
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
