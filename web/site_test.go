//go:build unix

package web_test

import (
	"fmt"
	"net/http"
	"strings"

	"nudge/web"
)

// page starts instances by name, each with a gateway of its own, in a time that runs faster. What becomes of them it keeps.
const page = `<!doctype html><meta charset="utf-8"><title>page</title>
<script type="module">
import { createNudge } from '/nudge.js'
import { tabs } from '/nudge.tabs.js'
import { fetchStream } from '/nudge.fetch.js'
import { multi } from '/nudge.multi.js'
window.transports = { tabs, fetchStream, multi }
const asked = new URLSearchParams(location.search)
let speed = %d
let since = { real: performance.now(), virtual: Date.now() }
window.now = () => since.virtual + (performance.now() - since.real) * speed
const timers = new Map()
let timer = 0
const arm = (id) => {
  const { due, ring } = timers.get(id)
  clearTimeout(timers.get(id).real)
  timers.get(id).real = speed && setTimeout(() => timers.delete(id) && ring(), (due - now()) / speed)
}
const env = {
  now,
  setTimeout: (ring, ms) => (timers.set(++timer, { ring, due: now() + ms }), arm(timer), timer),
  clearTimeout: (id) => (clearTimeout(timers.get(id)?.real), timers.delete(id)),
}
// The same time for a transport with timers of its own.
window.virtual = { ...env, Date: { now }, Math }
// With a speed of 0 time stands still, but for pass.
const hasten = (faster) => {
  since = { real: performance.now(), virtual: now() }
  speed = faster
  for (const id of timers.keys()) arm(id)
}
if (asked.has('speed')) hasten(Number(asked.get('speed')))
// For how long at most, in real ms, nothing got on here because the machine had other things to do.
window.stall = 0
let beat = performance.now()
setInterval(() => {
  stall = Math.max(stall, performance.now() - beat - 50)
  beat = performance.now()
}, 50)
// The longest that a poll was under way, in real ms: the next one waits for it.
window.slowest = 0
const polling = new Set()
// Lets so many ms pass, without waiting for them: what is due rings in its order, and polls end at the moment they began.
// How long the machine takes for a poll counts for nothing, nor for one that was in flight before.
window.pass = async (ms) => {
  hasten(0)
  for (const end = now() + ms; ; ) {
    while (polling.size) await Promise.allSettled(polling)
    await new Promise((done) => setTimeout(done)) // what the page does with the answer
    const [id, next] = [...timers].reduce((a, b) => (b[1].due < a[1].due ? b : a), [0, { due: end }])
    since.virtual = Math.max(now(), next.due)
    if (!timers.delete(id)) return true
    next.ring()
  }
}
window.cases = {}
window.begin = (name, gateway, options = {}) => {
  const c = (cases[name] = { began: now(), polls: [], states: [], got: [] })
  const request = async ({ reason, projects, signal }) => {
    c.polls.push({ at: now(), reason })
    const answer = await fetch((options.application ?? gateway) + '/changes?since=' + projects[42].have, { signal })
    if (!answer.ok) throw answer
    return { versions: { 42: (await answer.json()).version } }
  }
  const poll = (asked) => {
    const begun = performance.now()
    const answer = request(asked).finally(() => {
      slowest = Math.max(slowest, performance.now() - begun)
      polling.delete(answer)
    })
    polling.add(answer)
    return answer
  }
  c.nudge = createNudge({ projects: { 42: 100 }, interval: 2000, gateway, poll, ...options }, env)
  const note = () => {
    const { mode, stream, rung, reason, versions } = c.nudge.getSnapshot()
    c.now = { at: now(), mode, stream, rung, reason, has: versions[42] }
    if (c.got.at(-1)?.version !== versions[42]) c.got.push({ version: versions[42], at: Date.now() })
    const last = c.states.at(-1)
    if (last?.mode !== mode || last.stream !== stream || last.reason !== reason || last.rung !== rung) c.states.push(c.now)
  }
  c.nudge.subscribe(note)
  note()
  return true
}
// The longest time, in virtual ms, that the page was without a poll while it did not go by push; how many polls it made by
// itself, and how many its old pace allows, a shorter wait each time that push is lost among them.
window.pace = (c) => {
  const ends = [c.began, ...c.polls.map((p) => p.at), now()]
  let longest = 0
  ends.slice(1).forEach((end, i) => {
    const pushed = c.states.some((s, n) => s.mode === 'push' && s.at < end && (c.states[n + 1]?.at ?? Infinity) > ends[i])
    if (!pushed) longest = Math.max(longest, end - ends[i])
  })
  const losses = c.states.filter((s, n) => s.mode === 'poll' && c.states[n - 1]?.mode === 'push').length
  return { longest, made: c.polls.filter((p) => p.reason === 'interval').length, most: (now() - c.began) / 1600 + losses + 1 }
}
// What the page's own URL asks for begins by itself, also after a reload.
if (asked.has('gateway')) {
  const scope = asked.get('scope')
  begin('page', asked.get('gateway'), { ...(scope && { transport: tabs({ scope }) }), application: location.origin })
}
addEventListener('pageshow', (event) => (window.restored = event.persisted))
window.state = () => JSON.stringify(Object.entries(cases).map(([name, c]) => [name, c.now, c.states.slice(-6), c.polls.slice(-6)]))
</script>`

// site is what pages are loaded from: any page, and the scripts.
func (f *faulty) site(w http.ResponseWriter, r *http.Request) {
	if script, some := f.workers[r.URL.Path]; some {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, script)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	for _, f := range web.Files() {
		if f.Name == name {
			w.Header().Set("Content-Type", f.Type)
			w.Write(f.Content)
			return
		}
	}
	if strings.Contains(name, ".") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	if f.policy != "" {
		w.Header().Set("Content-Security-Policy", f.policy)
	}
	if other, some := f.pages[r.URL.Path]; some {
		fmt.Fprint(w, other)
		return
	}
	fmt.Fprintf(w, page, speed)
}
