// A browser with several tabs for the sharing of streams: locks, channels, lifecycle, timers and a gateway, all in the hands
// of the test. Each tab has a small model of the core, which judges streams as the core does.

import { chance } from './world.js';

const cadence = { push: 'healthy', poll_ms: 300_000, fast_ms: 10_000, jitter: 0.2, heartbeat_ms: 25_000 };

export class Browser {
  now = 1_800_000_000_000;
  tabs = [];
  streams = []; // every real stream ever opened
  gateway = { versions: {}, denied: [], limit: 64, delay: () => 20, mute: () => false };
  #things = []; // what will happen: {at, act, tab}
  #locks = new Map(); // name → queue of {tab, signal, grant}; the first one holds it
  #channels = new Set();

  constructor(seed = 1) {
    this.random = chance(seed);
  }

  /** Opens a tab. options: projects, scope, gateway, env (over the tab's own), core: false for none. */
  open(options = {}) {
    const tab = new Tab(this, options);
    this.tabs.push(tab);
    return tab;
  }

  at(ms, act, tab) {
    if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`a timer of ${ms} ms`);
    const thing = { at: this.now + ms, act, tab };
    this.#things.push(thing);
    return thing;
  }

  cancel(thing) {
    const i = this.#things.indexOf(thing);
    if (i >= 0) this.#things.splice(i, 1);
  }

  /** Timers that a tab still has, the model's own aside. */
  timers(tab) {
    return this.#things.filter((thing) => thing.tab === tab && thing.timer).length;
  }

  async pass(ms) {
    const end = this.now + ms;
    await calm();
    for (;;) {
      let next;
      for (const thing of this.#things) {
        if (!thing.tab?.frozen && (!next || thing.at < next.at)) next = thing;
      }
      if (!next || next.at > end) break;
      this.now = Math.max(this.now, next.at);
      this.cancel(next);
      if (!next.tab?.gone) next.act();
      await calm();
    }
    this.now = end;
  }

  /** The gateway announces a version. */
  advance(project, version = (this.gateway.versions[project] ?? 100) + 1, more = {}) {
    this.gateway.versions[project] = version;
    for (const stream of this.live()) {
      if (project in stream.projects && stream.greeted && !this.gateway.denied.includes(project)) {
        stream.send('version', { project, version, spread_ms: 0, ...more }, 3);
      }
    }
    return version;
  }

  /** Real streams that are open now. */
  live(scope) {
    return this.streams.filter((s) => !s.closed && !s.tab.gone && (scope === undefined || s.tab.scope === scope));
  }

  /** Who leads: the tabs that hold a lock. */
  holders() {
    return [...this.#locks.values()].flatMap(([first]) => (first?.held ? [first.tab] : []));
  }

  waiting() {
    return [...this.#locks.values()].flatMap((queue) => queue.filter((r) => !r.held).map((r) => r.tab));
  }

  names() {
    return [...this.#locks.keys()];
  }

  locks(tab) {
    return {
      request: (name, { signal }, callback) =>
        new Promise((resolve, reject) => {
          const queue = this.#locks.get(name) ?? [];
          this.#locks.set(name, queue);
          const remove = () => {
            const i = queue.indexOf(request);
            if (i >= 0) queue.splice(i, 1);
            next();
          };
          const request = { tab, held: false, remove };
          const next = () => {
            const first = queue[0];
            if (first && !first.held && !first.granting) {
              first.granting = true;
              this.at(2, () => first.grant());
            }
          };
          request.grant = () => {
            if (!queue.includes(request)) return;
            request.held = true;
            // In a frozen tab the callback waits, and the lock with it: fact F23.
            this.at(
              0,
              () => {
                const done = new Promise((release) => release(callback()));
                done.then(resolve, reject).finally(remove);
              },
              tab,
            );
          };
          signal.addEventListener('abort', () => {
            if (request.held) return;
            remove();
            reject(new DOMException('aborted', 'AbortError'));
          });
          queue.push(request);
          tab.requests.push(request);
          next();
        }),
    };
  }

  channel(tab) {
    const browser = this;
    return class {
      onmessage = null;
      #open = true;
      constructor(name) {
        this.name = name;
        this.tab = tab;
        browser.#channels.add(this);
        tab.channels.add(this);
      }
      postMessage(note) {
        if (!this.#open) throw new DOMException('closed', 'InvalidStateError');
        const copy = structuredClone(note);
        tab.posted.push(copy);
        for (const other of browser.#channels) {
          if (other !== this && other.name === this.name) other.deliver(copy, this);
        }
      }
      #lastAt = new Map(); // what one says arrives in order
      deliver(data, from) {
        const at = Math.max(browser.now + Math.floor(browser.random() * 6), this.#lastAt.get(from) ?? 0);
        this.#lastAt.set(from, at);
        browser.at(at - browser.now, () => this.#open && this.onmessage?.({ data: structuredClone(data) }), tab);
      }
      close() {
        this.#open = false;
        browser.#channels.delete(this);
        tab.channels.delete(this);
      }
    };
  }

  /** Says something on a channel as another script of the origin could. */
  shout(note) {
    for (const channel of this.#channels) channel.deliver(note, null);
  }

  transport(tab) {
    return (request, on) => {
      const { gateway } = this;
      const stream = {
        tab,
        request,
        projects: request.projects,
        openedAt: this.now,
        closed: false,
        greeted: false,
        /** An event from the gateway, in some ms. */
        send: (name, data, ms = 0) => {
          this.at(ms, () => stream.closed || on.event(name, JSON.stringify({ ...data, from: tab.scope })), tab);
        },
        /** An event as it is. */
        event: (name, data) => on.event(name, data),
        lose: (status) => {
          if (stream.closed) return;
          stream.closed = true;
          on.lost(status);
        },
        hello: (more) => {
          const all = Object.keys(stream.projects);
          const denied = all.filter((id) => gateway.denied.includes(id));
          const known = all.filter((id) => !denied.includes(id));
          const versions = Object.fromEntries(known.filter((id) => id in gateway.versions).map((id) => [id, gateway.versions[id]]));
          const unknown = known.filter((id) => !(id in gateway.versions));
          stream.greeted = true;
          stream.send('hello', { protocol: 1, ...cadence, spread_ms: 0, token_expires_in_s: 3600, versions, unknown, waiting: [], denied, off: [], ...more });
        },
      };
      this.streams.push(stream);
      this.at(
        gateway.delay(stream),
        () => {
          const ids = Object.keys(stream.projects);
          if (gateway.down) return stream.lose();
          if (ids.length > gateway.limit) return stream.lose(400);
          if (ids.every((id) => gateway.denied.includes(id))) return stream.lose(403);
          if (gateway.refuses?.(stream)) return stream.lose(503);
          stream.hello();
          if (gateway.mute(stream)) return;
          const beat = () => {
            if (stream.closed || tab.gone) return;
            if (!stream.silent) stream.send('heartbeat', cadence);
            this.at(25_000, beat);
          };
          this.at(1000, beat);
        },
        tab,
      );
      return {
        close: () => {
          stream.closed = true;
        },
        role: 'solo',
      };
    };
  }
}

async function calm() {
  for (let i = 0; i < 12; i++) await null;
}

class Target {
  listeners = new Map();
  addEventListener(type, listener, { signal }) {
    const list = this.listeners.get(type) ?? [];
    this.listeners.set(type, list);
    list.push(listener);
    signal.addEventListener('abort', () => list.splice(list.indexOf(listener), 1));
  }
  emit(type) {
    for (const listener of [...(this.listeners.get(type) ?? [])]) listener({ type });
  }
  count() {
    return [...this.listeners.values()].flat().length;
  }
}

export class Tab {
  /** Puts something in the way of the transport that streams go over. */
  wrong = (transport, ...args) => transport(...args);
  requests = [];
  channels = new Set();
  posted = [];
  reported = [];
  window = new Target();
  document = new Target();
  frozen = false;
  gone = false;
  cores = [];

  constructor(browser, { projects = { 42: 100 }, scope = 'alice', gateway = 'https://push.test', env = {}, visible = true, tabs, token }) {
    Object.assign(this, { browser, projects, scope, gateway });
    this.document.visibilityState = visible ? 'visible' : 'hidden';
    this.transport = tabs({
      scope,
      transport: Object.assign((...args) => this.wrong(browser.transport(this), ...args), { bearer: token !== undefined }),
      env: {
        Date: { now: () => browser.now },
        setTimeout: (ring, ms) => Object.assign(browser.at(this.#throttled(ms), ring, this), { timer: true }),
        clearTimeout: (thing) => browser.cancel(thing),
        navigator: { locks: browser.locks(this) },
        BroadcastChannel: browser.channel(this),
        document: this.document,
        addEventListener: (...args) => this.window.addEventListener(...args),
        ...env,
      },
    });
    this.token = token;
  }

  /** Starts a core, or another one. */
  start(projects = this.projects) {
    const core = new Core(this, projects);
    this.cores.push(core);
    core.open();
    core.seen(this.document.visibilityState === 'visible');
    return core;
  }

  get core() {
    return this.cores[0];
  }

  /** What a real core needs of this tab. Its polls and questions are answered at once. */
  env() {
    const { browser } = this;
    return {
      now: () => browser.now,
      random: browser.random,
      setTimeout: (ring, ms) => browser.at(this.#throttled(ms), ring, this),
      clearTimeout: (thing) => browser.cancel(thing),
      fetch: async () => ({ status: 200, headers: new Headers(), json: async () => ({ protocol: 1, ...cadence, ttl_ms: 60_000, connect_after_ms: 0, denied: [], off: [], refusing: '' }) }),
      origin: 'https://app.test',
      window: this.window,
      document: this.document,
      page: true,
      report: (error) => this.reported.push(error),
    };
  }

  /** In a hidden tab timers ring once a second. */
  #throttled(ms) {
    const second = Math.ceil((this.browser.now + ms) / 1000) * 1000;
    return this.document.visibilityState === 'hidden' ? second - this.browser.now : ms;
  }

  show(state) {
    this.document.visibilityState = state;
    this.document.emit('visibilitychange');
    for (const core of this.cores) core.seen(state === 'visible');
  }

  /** Closes the tab, as people do. */
  close() {
    this.window.emit('beforeunload');
    this.window.emit('pagehide');
    this.crash();
  }

  /** The tab is gone without having been told. */
  crash() {
    this.gone = true;
    for (const channel of this.channels) channel.close();
    for (const request of this.requests) request.remove();
  }

  freeze() {
    this.window.emit('freeze');
    this.frozen = true;
  }

  resume() {
    this.frozen = false;
    this.window.emit('resume');
  }

  /** Another page is shown, and this one is kept in the back/forward cache. */
  leave() {
    this.window.emit('beforeunload');
    this.window.emit('pagehide');
    this.frozen = true;
  }

  back() {
    this.frozen = false;
    this.window.emit('pageshow');
  }
}

/** As much of the core as judges streams: hello in time, proof, silence, make-before-break, coming back. */
class Core {
  heard = []; // [name, data] of all streams
  known = {}; // what the page has
  opened = 0;
  ends = []; // why streams ended: mute, silent, lost, or the reason of a goodbye
  stopped = false;
  away = false; // it was hidden for a minute, and has no stream
  judges = true; // whether it minds what makes no sense
  streams = new Set();
  main; // the one that counts

  constructor(tab, projects) {
    this.tab = tab;
    this.projects = projects;
  }

  /** The tab is hidden: after a minute it closes its streams. Or it is shown: it has one again. */
  seen(visible) {
    const { browser } = this.tab;
    browser.cancel(this.hiding);
    if (visible) {
      if (this.away) this.reopen();
      return;
    }
    const hide = () => {
      this.away = true;
      for (const stream of this.streams) stream.close();
    };
    this.hiding = browser.at(60_000, hide, this.tab);
  }

  reopen() {
    this.away = false;
    if (!this.main) this.open();
  }

  /** Opens a stream; if there is one, it is replaced once the new one is proven. */
  open() {
    const { browser } = this.tab;
    if (this.stopped || this.away) return;
    this.opened++;
    const stream = { helloAt: 0, lastAt: browser.now, openedAt: browser.now, proven: false, closed: false };
    this.streams.add(stream);
    this.main ??= stream;
    const drop = (why, ms) => {
      stream.close();
      this.ends.push(why);
      if (!this.main) browser.at(ms, () => this.main || this.open(), this.tab);
    };
    stream.close = () => {
      if (stream.closed) return;
      stream.closed = true;
      stream.handle?.close();
      this.streams.delete(stream);
      if (this.main === stream) this.main = [...this.streams][0];
    };
    stream.handle = this.tab.transport(
      { gateway: this.tab.gateway, projects: this.projects, token: this.tab.token },
      {
        event: (name, data) => {
          if (stream.closed) throw new Error(`${name} on a closed stream`);
          if (!stream.handle) throw new Error(`${name} within the call`);
          if (!this.judges) {
            stream.lastAt = browser.now;
            return void this.heard.push([name, data, browser.now]);
          }
          const said = typeof data === 'string' ? JSON.parse(data) : data;
          this.heard.push([name, said, browser.now]);
          if (said.from && said.from !== this.tab.scope) throw new Error(`news of ${said.from} for ${this.tab.scope}`);
          stream.lastAt = browser.now;
          if (name === 'hello') {
            stream.helloAt ||= browser.now;
            this.hello = said;
            for (const id of [...Object.keys(said.versions), ...said.unknown, ...said.denied]) {
              if (!(id in this.projects)) throw new Error(`a hello with ${id}`);
            }
            Object.assign(this.known, said.versions);
          } else if (!stream.proven && stream.helloAt) {
            const age = browser.now - stream.helloAt;
            if (age >= 500 && age <= 5000) {
              stream.proven = true;
              for (const other of this.streams) if (other !== stream) other.close();
            }
          }
          if (name === 'version') {
            if (!(said.project in this.projects)) throw new Error(`news of ${said.project}`);
            this.known[said.project] = said.version;
          }
          if (name === 'goodbye') drop(said.reason, said.after_ms + browser.random() * 100);
        },
        lost: (status) => {
          if (stream.closed) throw new Error('lost a closed stream');
          if (!stream.handle) throw new Error('lost within the call');
          drop(status ? `lost ${status}` : 'lost', 250 + browser.random() * 1000);
        },
      },
    );
    let due = browser.now + 500;
    const watch = () => {
      if (stream.closed) return;
      const slept = browser.now - due > 1000 && !stream.proven;
      due = browser.now + 500;
      if (slept) return drop('slept', 300);
      const late = (since, ms) => browser.now - since >= ms;
      if (!stream.helloAt ? late(stream.openedAt, 10_000) : !stream.proven && late(stream.helloAt, 5001)) return drop('mute', 10_000);
      if (stream.proven && late(stream.lastAt, 50_000)) return drop('silent', 300);
      browser.at(500, watch, this.tab);
    };
    browser.at(500, watch, this.tab);
    return stream;
  }

  get role() {
    return this.main?.handle.role;
  }

  get proven() {
    return !!this.main?.proven;
  }

  names() {
    return this.heard.map(([name]) => name);
  }

  stop() {
    this.stopped = true;
    this.tab.browser.cancel(this.hiding);
    for (const stream of this.streams) stream.close();
  }
}
