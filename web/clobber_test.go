//go:build unix

package web_test

import (
	"fmt"
	"strings"
	"testing"

	"nudge/web/enginetest"
)

// clobbered is a page into which somebody has put elements, but no script: an element's name hides the property of the document of
// that name, and its id that of the window (DOM clobbering).
const clobbered = `<!doctype html><meta charset="utf-8"><title>page</title>
%s<form id="Nudge"><input name="page" value="1"></form>
<script src="%s/nudge.global.js" data-projects="42@100" data-fast="1000"></script>
<script>
const polls = []
EventTarget.prototype.addEventListener.call(document, 'nudge:poll', (event) => {
  polls.push(event.detail.reason)
  event.waitUntil(fetch('/changes?since=' + event.detail.projects[42].have).then((r) => r.json()).then(({ version }) => ({ versions: { 42: version } })))
})
window.state = () => JSON.stringify([polls, String(window.Nudge), window.Nudge?.page?.getSnapshot?.()])
</script>`

// Elements of a page decide neither which gateway a page asks, nor whether it polls and has a stream.
func TestClobbering(t *testing.T) {
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		var elements strings.Builder
		stranger, f := started(t, good), started(t, good)
		f.speed.Store(1) // that of the page
		for _, name := range []string{
			"currentScript", "visibilityState", "prerendering", "hidden", "addEventListener", "removeEventListener", "dispatchEvent",
			"documentElement", "body", "head", "querySelector", "defaultView", "baseURI", "location", "createElement",
			"EventSource", "fetch", "navigator", "setTimeout",
		} {
			fmt.Fprintf(&elements, `<img name=%s id=%[1]s data-gateway="%s" data-projects="42@1">`, name, stranger.URL)
		}
		f.pages = map[string]string{"/clobbered": fmt.Sprintf(clobbered, elements.String(), f.URL)}
		tab := b.Open(t, f.URL+"/clobbered")
		tab.Until("document.currentScript instanceof Element && document.visibilityState instanceof Element")
		tab.Until("polls.length > 0 && Nudge.page.getSnapshot().stream === 'proven'")
		v := f.commit(nil)
		tab.Until(fmt.Sprintf("Nudge.page.getSnapshot().versions[42] === %d", v))
		if asked := count(stranger, func(f *faulty) int { return len(f.protos) }); asked != 0 {
			t.Error("the page asked a gateway that is not its own")
		}
	})
}
