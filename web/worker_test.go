//go:build unix

package web_test

import (
	"fmt"
	"testing"

	"nudge/web/enginetest"
)

// worker is a script that has an instance in a dedicated worker, and tells its page how things are.
const worker = `
import { createNudge } from '/nudge.js'
import { fetchStream } from '/nudge.fetch.js'
import { multi } from '/nudge.multi.js'
import { tabs } from '/nudge.tabs.js'
const transports = { fetch: fetchStream, tabs: () => tabs({ scope: 'alice' }), multi }
const transport = transports[new URLSearchParams(location.search).get('transport')]?.()
const nudge = createNudge({
  projects: { 42: 100 },
  interval: 1000,
  fast: 1000,
  transport,
  getToken: transport?.bearer ? () => 't1' : undefined,
  async poll({ projects }) {
    const answer = await fetch('/changes?since=' + projects[42].have)
    return { versions: { 42: (await answer.json()).version } }
  },
})
const tell = () => postMessage(JSON.stringify(nudge.getSnapshot()))
nudge.subscribe(tell)
tell()
onmessage = () => nudge.stop()
`

const workersPage = `<!doctype html><meta charset="utf-8"><title>page</title>
<script>
const worker = new Worker('/worker.js' + location.search, { type: 'module' })
worker.onmessage = ({ data }) => (window.s = JSON.parse(data))
worker.onerror = ({ message }) => (window.failed = message)
window.state = () => JSON.stringify([window.s, window.failed])
</script>`

// The shim runs in a dedicated worker as it does in a page, over each transport. Tabs do not share there.
func TestWorker(t *testing.T) {
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		for _, transport := range []string{"eventsource", "fetch", "tabs", "multi"} {
			f := started(t, good)
			f.speed.Store(1)
			f.workers = map[string]string{"/worker.js": worker}
			f.pages = map[string]string{"/page": workersPage}
			tab := b.Open(t, f.URL+"/page?transport="+transport)
			tab.Until("window.s?.stream === 'proven' && s.mode === 'push' && s.role === 'solo'")
			v := f.commit(nil)
			tab.Until(fmt.Sprintf("s.versions[42] === %d", v))
			enginetest.Eval[bool](tab, "(worker.postMessage('stop'), true)")
			tab.Until("s.mode === 'stopped'")
			f.until(t, "no stream is left", func() bool { return len(f.live) == 0 })
			tab.Close()
		}
	})
}
