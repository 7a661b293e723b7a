// Open pages of the application: page.js of this folder, each with an address of its own, and with a browser's cache.
//
//   node pages.mjs SITE PROJECTS PAGES [SECONDS [POLLS]]
//
// With SECONDS, time is what this program says, and a change of each project comes every 100 s. It ends with what the pages saw.
// With POLLS and 0 SECONDS, a page sleeps for two minutes after so many polls of a query: then pages in shadow report.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [site, projects, pages, seconds, polls] = process.argv.slice(2).map((arg, i) => (i ? Number(arg) : arg))
const page = new AsyncLocalStorage()
const kept = new Map() // answers, as a browser's cache has them
const jars = new Map() // cookies by page and name
const seen = {}
const begin = Date.parse('2026-11-26T10:00:00Z')
let now = 0
let asking = 0

globalThis.window = globalThis // else TanStack Query takes this for a server, and does not poll
const realFetch = fetch
globalThis.fetch = async (url, options) => {
  if (!String(url).startsWith('/')) return realFetch(url, options)
  asking++
  try {
    const headers = { 'x-forwarded-for': `192.0.2.${page.getStore() ?? 0}`, 'user-agent': 'Mozilla/5.0', 'cache-control': 'max-age=0' }
    if (seconds) headers['test-time'] = begin + now
    const name = `${page.getStore()} ${url}`
    const old = kept.get(name)
    if (old?.etag) headers['if-none-match'] = old.etag
    const jar = jars.get(page.getStore()) ?? jars.set(page.getStore(), new Map()).get(page.getStore())
    if (jar.size) headers.cookie = [...jar.values()].join('; ')
    const answer = await realFetch(site + url, { ...options, headers: { ...headers, ...options?.headers } })
    for (const cookie of answer.headers.getSetCookie()) jar.set(cookie.split('=')[0], cookie.split(';')[0])
    let text = await answer.text()
    if (answer.status === 304) text = old.text
    if (options?.method !== 'POST') {
      const stored = answer.headers.get('cache-control') !== 'no-store'
      if (polls && old && ++old.polls % polls === 0) ages.set(page.getStore(), ages.get(page.getStore()) + 120_000)
      kept.set(name, { polls: old?.polls ?? 0, text, etag: stored && answer.headers.get('etag') })
      const what = String(url).split('/').at(-1)
      seen[what] ??= { polls: 0, empty: 0 }
      if (old) seen[what].polls++ // the first one loads the page
      if (text === old?.text) seen[what].empty++
      if (!seconds && !polls && what !== 'nudge-token') console.log(`page ${page.getStore()} polls ${what}: ${JSON.parse(text).version}`)
    }
    return new Response(text)
  } finally {
    asking--
  }
}

const timers = new Set()
if (seconds) {
  globalThis.setInterval = (run, ms) => {
    const timer = { run: AsyncLocalStorage.bind(run), ms, at: now + ms }
    timers.add(timer)
    return timer
  }
  globalThis.clearInterval = (timer) => timers.delete(timer)
}

/** Lets the pages do all that they do until this time, in ms. */
async function until(time) {
  for (;;) {
    do await turn()
    while (asking)
    await turn()
    const next = [...timers].sort((a, b) => a.at - b.at)[0]
    if (!next || next.at > time) break
    now = next.at
    next.at += next.ms
    next.run()
  }
  now = time
}

// A page in shadow reports after one to two minutes: once it is open, it is two minutes older than it is.
const ages = new Map()
const clock = Date.now
Date.now = () => clock() + (ages.get(page.getStore()) ?? 0)

const { show } = await import(pathToFileURL('page.js'))
const { fetchStream } = await import(import.meta.resolve('@nudge-gateway/nudge/fetch', pathToFileURL('page.js'))).catch(() => ({}))

for (let n = 1; n <= pages; n++) {
  await (seconds ? until((n * 10_000) / pages) : wait(Math.min(20, 1000 / pages)))
  page.run(n, () => {
    const nudge = show(String((n % projects) + 1), () => {}, fetchStream && { transport: fetchStream(), server: true })
    let last
    nudge?.subscribe(() => {
      const { mode, stream, factor } = nudge.getSnapshot()
      const state = `${mode} ${stream}${mode === 'push' && factor > 1 ? ' rarely' : ''}`
      if (state !== last) console.log(`page ${n} is ${state}`)
      last = state
    })
    ages.set(n, 120_000)
  })
}
if (seconds) {
  for (let k = 1; k * 100 < seconds; k++) {
    for (let p = 1; p <= projects; p++) {
      await until(k * 100_000 + p * 7_300)
      await fetch(`/projects/${p}/stories`, { method: 'POST', body: new URLSearchParams({ title: 'long'.padEnd(3 + k * 2, 'er') }) })
    }
  }
  await until(seconds * 1000)
  console.log(JSON.stringify(seen))
  process.exit()
}
