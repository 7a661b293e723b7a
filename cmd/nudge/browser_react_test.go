//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nudge/internal/exectest"
)

// reactApp is an application in React, as its server and its page load it.
const reactApp = `
const { createElement: h } = require('react')
const { createNudge } = require('@nudge-gateway/nudge')
const { useEvery, useNudge } = require('@nudge-gateway/nudge/react')
exports.start = (options) => {
  const nudge = createNudge({ projects: { react: 1 }, interval: 1000, ...options })
  const Page = () => {
    useEvery(nudge, 1000, () => {}, { projects: 'react' })
    return h('p', null, useNudge(nudge, (all) => all.reason))
  }
  return { nudge, page: h(Page) }
}`

// reactStart is what the page does with it. It hydrates only after push is proven, as a page that loads its parts one by one.
const reactStart = `
const said = (window.said = [])
for (const way of ['warn', 'error']) console[way] = (...text) => said.push('nudge: ' + text.join(' '))
const main = document.querySelector('main')
window.rendered = main.textContent
const app = require('app').start({ getToken: async () => (await fetch('/token?subject=react')).text(), poll() {} })
window.nudge = app.nudge
window.state = () => JSON.stringify([nudge.getSnapshot(), said, main.innerHTML])
const stop = nudge.subscribe(() => {
  if (nudge.getSnapshot().reason !== 'streaming') return
  stop()
  require('react-dom/client').hydrateRoot(main, app.page, { onRecoverableError: (error) => said.push('nudge: React: ' + error) })
})`

const serverRendered = "rendered by React on a server"

// reactSite is the application as a server sends it.
type reactSite struct{ page, script string }

// renderReact renders the application on a server, by Node. Without the modules of web it is empty, or the test fails if
// NUDGE_TEST_REQUIRE is set.
func renderReact(t *testing.T) reactSite {
	t.Helper()
	server := exectest.CommandContext(t.Context(), "node", "-e", "(() => {"+reactApp+"})()\n"+
		"process.stdout.write(require('react-dom/server').renderToString(exports.start({}).page))")
	server.Dir = "../../web"
	html, err := server.Output()
	if err != nil {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Logf("no page is %s: %v; run npm --prefix web ci --ignore-scripts", serverRendered, err)
		return reactSite{}
	}
	var text strings.Builder
	text.WriteString("const modules = {\n")
	fmt.Fprintf(&text, "'app'(exports, module, require) {%s},\n", reactApp)
	for name, file := range map[string]string{
		"react":                      "node_modules/react/cjs/react.production.js",
		"react-dom":                  "node_modules/react-dom/cjs/react-dom.production.js",
		"react-dom/client":           "node_modules/react-dom/cjs/react-dom-client.production.js",
		"scheduler":                  "node_modules/scheduler/cjs/scheduler.production.js",
		"@nudge-gateway/nudge":       "dist/cjs/nudge.js",
		"@nudge-gateway/nudge/react": "dist/cjs/react.js",
	} {
		source, err := os.ReadFile(filepath.Join("../../web", file))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "'%s'(exports, module, require) {%s\n},\n", name, source)
	}
	text.WriteString(`}
const loaded = {}
function require(name) {
  if (!loaded[name]) {
    const module = (loaded[name] = { exports: {} })
    modules[name](module.exports, module, require)
  }
  return loaded[name].exports
}
`)
	page := `<!doctype html><meta charset="utf-8"><title>page</title><main>` + string(html) + `</main><script src="/react.js"></script>`
	return reactSite{page, text.String() + reactStart}
}
