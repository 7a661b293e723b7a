//go:build unix

package enginetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a test asks for, each browser does.
func TestBrowsers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>%s</title>`, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	for name, start := range All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, Options{Hosts: []string{"app.test"}, Extension: map[string]string{"page.html": "<!doctype html><title>extension</title>"}})
			if b.Name != name {
				t.Errorf("it is called %q", b.Name)
			}
			tab := b.Open(t, server.URL+"/a")
			if got := Eval[string](tab, "new Promise((done) => setTimeout(() => done(document.title), 10))"); got != "/a" {
				t.Errorf("the title is %q", got)
			}
			if got := Eval[map[string]int](tab, "({ a: 1 })"); got["a"] != 1 {
				t.Errorf("an object is %v", got)
			}
			tab.Navigate(server.URL + "/b")
			tab.Back()
			tab.Until("document.title === '/a'")

			const ask = "fetch('/c').then((r) => r.status, () => 0)"
			tab.Offline(true)
			if got := Eval[int](tab, ask); got != 0 {
				t.Errorf("offline, the answer is %d", got)
			}
			tab.Offline(false)
			if got := Eval[int](tab, ask); got != 200 {
				t.Errorf("online again, the answer is %d", got)
			}

			other := b.Open(t, strings.Replace(server.URL, "127.0.0.1", "app.test", 1))
			if Eval[bool](other, "isSecureContext") || !Eval[bool](tab, "isSecureContext") {
				t.Error("a name over HTTP is an insecure origin, 127.0.0.1 is not")
			}
			other.Close()
			if got := Eval[string](b.Open(t, Extensions[name]+"/page.html"), "origin + document.title"); got != Extensions[name]+"extension" {
				t.Errorf("a page of the extension is %s", got)
			}
		})
	}
}

// Tests that share a Firefox share nothing else: no cookie, no store, and no tab hides another test's.
func TestShare(t *testing.T) {
	t.Cleanup(Share())
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	one, other := Firefox(t, Options{}), Firefox(t, Options{})
	first := one.Open(t, server.URL)
	Eval[bool](first, "(document.cookie = 'a=1', localStorage.setItem('a', '1'), true)")
	foreign := other.Open(t, server.URL)
	if got := Eval[string](foreign, "document.cookie + localStorage.getItem('a')"); got != "null" {
		t.Errorf("the other test sees %q", got)
	}
	if got := Eval[string](first, "document.visibilityState"); got != "visible" {
		t.Errorf("the other test's tab made this one %s", got)
	}
	second := one.Open(t, server.URL)
	if got := Eval[string](second, "document.cookie + localStorage.getItem('a')"); got != "a=11" {
		t.Errorf("a tab of the same test sees %q", got)
	}
	if got := Eval[string](first, "document.visibilityState"); got != "hidden" {
		t.Errorf("behind the second tab the first is %s", got)
	}
	second.Close()
	one.Open(t, server.URL)
	if pid := other.engine.(*firefox).pid; pid != one.engine.(*firefox).pid {
		t.Error("they have a browser each")
	}
}
