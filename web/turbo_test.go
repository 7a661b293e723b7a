//go:build unix

package web_test

import (
	"fmt"
	"os"
	"testing"

	"nudge/web/enginetest"
)

// With Turbo one document shows many pages. The shim by attributes follows it: forward, back, and to a page without it. Turbo keeps
// the scripts of heads, and does not run one again that it has kept.
func TestTurboVisits(t *testing.T) {
	turbo, err := os.ReadFile("node_modules/@hotwired/turbo/dist/turbo.es2017-umd.js")
	if err != nil && os.Getenv("NUDGE_TEST_REQUIRE") == "" {
		t.Skipf("%v; run npm --prefix web ci --ignore-scripts", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const shim = `<script src="/nudge.global.js" data-projects="%s" data-interval="1000"></script>`
	page := func(head, body string) string {
		return `<!doctype html><html><head><meta charset="utf-8"><title>page</title><script src="/turbo.js"></script>` + head +
			`</head><body><a href="/one">1</a><a href="/two">2</a><a href="/none">none</a>` + body + `</body></html>`
	}
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		for _, place := range []string{"head", "body"} {
			one, two := fmt.Sprintf(shim, "42@100"), fmt.Sprintf(shim, "7@100")
			pages := map[string]string{"/one": page(one, ""), "/two": page(two, ""), "/none": page("", "")}
			if place == "body" {
				pages["/one"], pages["/two"] = page("", one), page("", two)
			}
			f := started(t, good)
			f.pages = pages
			f.workers = map[string]string{"/turbo.js": string(turbo)}
			tab := b.Open(t, f.URL+"/one")
			watches := func(projects string) {
				t.Helper()
				tab.Until(fmt.Sprintf("Object.keys(window.Nudge?.page?.getSnapshot().versions ?? {}).join() === %q", projects))
			}
			visit := func(link int) { enginetest.Eval[bool](tab, fmt.Sprintf("(document.links[%d].click(), true)", link)) }
			back := func() { enginetest.Eval[bool](tab, "(history.back(), true)") }
			watches("42")
			enginetest.Eval[bool](tab, "(window.first = Nudge.page, window.same = true)")
			visit(1)
			watches("7")
			if !enginetest.Eval[bool](tab, "first.getSnapshot().mode === 'stopped'") {
				t.Errorf("%s: the instance of the first page goes on", place)
			}
			back()
			watches("42")
			visit(1)
			watches("7")
			if place == "body" {
				visit(2)
				tab.Until("Nudge.page === undefined")
				back()
				watches("7")
			}
			if !enginetest.Eval[bool](tab, "window.same === true") {
				t.Errorf("%s: Turbo loaded another document, so this shows nothing", place)
			}
			tab.Close()
		}
	})
}
