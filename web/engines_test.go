//go:build unix

package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nudge/internal/exectest"
	"nudge/web/enginetest"
)

// runner runs tests that were written for node in a page: one after the other, as they are registered.
const runner = `<!doctype html><meta charset="utf-8"><title>tests</title>
<script type="importmap">{ "imports": { "node:test": "/run.js", "node:assert/strict": "/assert.js" } }</script>
<script type="module">
import { run } from 'node:test'
window.failures = {}
window.ended = 0
window.NUDGE_TEST_LIVES = %s
const files = %s
addEventListener('load', async () => { // not before, or the page would not count as loaded until they are over
  for (const file of files) await run(file)
  window.over = true
})
</script>`

// Of node's own modules, as much as the tests of the shim need.
var modules = map[string]string{
	"/run.js": `
const { port1, port2 } = new MessageChannel()
const soon = []
port1.onmessage = () => soon.shift()()
globalThis.setImmediate = (act) => port2.postMessage(soon.push(act))
let registered, lasts, eaches
export const test = (name, ...rest) => registered.push([name, rest.at(-1)])
export default test
export const after = (act) => lasts.push(act)
export const afterEach = (act) => eaches.push(act)
export async function run(file) {
  registered = []; lasts = []; eaches = []
  try {
    await import(file)
  } catch (error) {
    failures[file] = String(error)
  }
  for (const [name, act] of registered) {
    const ends = [...eaches]
    try {
      await act({ after: (end) => ends.push(end) })
    } catch (error) {
      failures[file + ': ' + name] = error.stack
    }
    for (const end of ends) await end()
    window.ended++
    await new Promise(setImmediate) // tests may go from promise to promise, and the page is asked how far it is
  }
  for (const act of lasts) await act()
}`,
	"/assert.js": `
const same = (a, b) => Object.is(a, b) || (a && b && typeof a === 'object' && Object.getPrototypeOf(a) === Object.getPrototypeOf(b) &&
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((key) => Object.hasOwn(b, key) && same(a[key], b[key])))
const show = (value) => { try { return JSON.stringify(value) ?? String(value) } catch { return String(value) } }
const check = (holds, what, message) => { if (!holds) throw new Error(message ?? what()) }
const ok = (value, message) => check(value, () => show(value) + ' is not true', message)
export default Object.assign(ok, {
  ok,
  fail: (message) => check(false, undefined, message ?? 'failed'),
  equal: (a, b, message) => check(Object.is(a, b), () => show(a) + ' is not ' + show(b), message),
  notEqual: (a, b, message) => check(!Object.is(a, b), () => show(a) + ' is the same', message),
  deepEqual: (a, b, message) => check(same(a, b), () => show(a) + ' is not ' + show(b), message),
  throws(act) {
    try {
      act()
    } catch {
      return
    }
    throw new Error('nothing was thrown')
  },
  match: (text, form, message) => check(form.test(text), () => show(text) + ' does not match ' + form, message),
  doesNotThrow: (act, message) => { try { act() } catch (error) { check(false, () => 'it throws ' + show(error), message) } },
  doesNotMatch: (text, form, message) => check(!form.test(text), () => show(text) + ' matches ' + form, message),
})`,
}

// elsewhere are tests that need more of node than that.
var elsewhere = regexp.MustCompile(`from 'node:(events|fs|fs/promises|http|vm)'`)

// What holds of the shim's parts in node also holds in the engines that it is for, the invariants over random lives among it.
// NUDGE_TEST_LIVES is over how many.
func TestEngines(t *testing.T) {
	built := exectest.Command("go", "-C", "../.ci/tools", "run", "./bundle", "-tests")
	if said, err := built.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", built, err, said)
	}
	paths, err := filepath.Glob("test/*.test.js")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, path := range paths {
		if text, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		} else if !elsewhere.Match(text) {
			files = append(files, "/"+filepath.ToSlash(path))
		}
	}
	lives := "undefined"
	if text := os.Getenv("NUDGE_TEST_LIVES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("NUDGE_TEST_LIVES: %v", err)
		}
		lives = strconv.Itoa(n)
	}
	list, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if module, some := modules[r.URL.Path]; some {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, module)
		} else if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, runner, lives, list)
		} else {
			http.ServeFileFS(w, r, os.DirFS("."), strings.TrimPrefix(r.URL.Path, "/"))
		}
	}))
	t.Cleanup(server.Close)
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		tab := b.Open(t, server.URL)
		for ended := 0; !enginetest.Eval[bool](tab, "!!window.over"); ended = enginetest.Eval[int](tab, "ended") {
			tab.Until(fmt.Sprintf("window.over || window.ended > %d", ended))
		}
		for name, failure := range enginetest.Eval[map[string]string](tab, "failures") {
			t.Errorf("%s: %s", name, failure)
		}
		if ended := enginetest.Eval[int](tab, "ended"); ended <= len(files) {
			t.Errorf("%d tests of %d files", ended, len(files))
		}
	})
}
