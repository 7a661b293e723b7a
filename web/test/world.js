// A world for the shim in which time, chance, network and page are in the hands of the test.

import { createNudge } from '../.build/nudge.js';

/** Seeded randomness: the same tests see the same chances every time. */
export function chance(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Target {
  listeners = new Map();
  addEventListener(type, listener, { signal } = {}) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
    signal?.addEventListener('abort', () => {
      this.listeners.set(type, this.listeners.get(type).filter((l) => l !== listener));
    });
  }
  count() {
    return [...this.listeners.values()].flat().length;
  }
  emit(type, event = {}) {
    for (const listener of this.listeners.get(type) ?? []) listener({ type, ...event });
  }
}

class Document extends Target {
  visibilityState = 'visible';
  prerendering = false;
  show(state) {
    this.visibilityState = state;
    this.emit('visibilitychange');
  }
}

export const cadence = { push: 'healthy', poll_ms: 300_000, fast_ms: 10_000, jitter: 0.2, heartbeat_ms: 25_000 };
export const hello = { protocol: 1, node: 'a', ...cadence, spread_ms: 0, versions: { 42: 123 }, unknown: [], waiting: [], denied: [], off: [] };
export const terms = { protocol: 1, ...cadence, ttl_ms: 60_000, connect_after_ms: 0, denied: [], off: [], refusing: '' };

export function answer(status, body = {}, headers = {}) {
  return { status, headers: new Headers(headers), json: async () => structuredClone(body) };
}

export class World {
  now = 1_800_000_000_000;
  createNudge = createNudge; // or that of another build
  sources = []; // every EventSource ever opened
  requests = []; // every request to the gateway: {path, query, init, at}
  polls = []; // every poll: {at, reason, projects, signal, ended}
  inFlight = 0;
  reported = [];
  warned = [];
  window = new Target();
  document = new Document();
  /** What the gateway answers, by path; may be replaced. */
  routes = { '/poll-interval': () => answer(200, terms), '/session': () => answer(204) };
  /** What the application answers; may be replaced. By default it has what was asked for. */
  poll = (context) => ({
    versions: Object.fromEntries(Object.entries(context.projects).map(([id, p]) => [id, p.want ?? p.have])),
  });

  #timers = new Map();
  #ids = 0;

  constructor(seed = 1) {
    this.random = chance(seed);
    const world = this;
    this.EventSource = class extends Target {
      closed = false;
      openedAt = world.now;
      constructor(url, init) {
        super();
        this.url = url;
        this.init = init;
        world.sources.push(this);
      }
      close() {
        this.closed = true;
      }
      /** An event from the gateway. Nothing is heard from a closed source. */
      send(name, data) {
        if (!this.closed) this.emit(name, { data: typeof data === 'string' ? data : JSON.stringify(data) });
      }
      fail() {
        if (!this.closed) this.emit('error');
      }
    };
  }

  env() {
    return {
      now: () => this.now,
      random: () => this.random(),
      setTimeout: (ring, ms) => {
        if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`setTimeout of ${ms} ms`);
        this.#timers.set(++this.#ids, { at: this.now + ms, ring });
        return this.#ids;
      },
      clearTimeout: (id) => void this.#timers.delete(id),
      fetch: async (url, init) => {
        const { pathname: path, search: query, origin } = new URL(url);
        this.requests.push({ path, query: decodeURIComponent(query), origin, init, at: this.now });
        return this.routes[path]?.(query, init) ?? answer(404);
      },
      EventSource: this.EventSource,
      origin: 'https://app.test',
      page: true,
      warn: (text) => this.warned.push(text),
      window: this.window,
      document: this.document,
      report: (error) => this.reported.push(error),
    };
  }

  start(options = {}, env = {}) {
    this.nudge = this.createNudge(
      {
        projects: { 42: 123 },
        poll: (context) => {
          const poll = { at: this.now, ...context, ended: false };
          this.polls.push(poll);
          this.inFlight++;
          const end = () => {
            poll.ended = true;
            this.inFlight--;
          };
          try {
            const result = this.poll(context);
            if (typeof result?.then !== 'function') {
              end();
              return result;
            }
            result.then(end, end);
            return result;
          } catch (error) {
            end();
            throw error;
          }
        },
        ...options,
      },
      { ...this.env(), ...env },
    );
    return this.nudge;
  }

  get state() {
    return this.nudge.getSnapshot();
  }

  get timers() {
    return this.#timers.size;
  }

  /** The newest stream. */
  get source() {
    return this.sources.at(-1);
  }

  /** Lets everything happen that is possible without time passing. No chain of promises is longer. */
  async calm() {
    for (let i = 0; i < 30; i++) await null;
  }

  /** Lets the next timer ring, unless it is due later than that. */
  async ring(before = Infinity) {
    const next = [...this.#timers].reduce((a, b) => (!a || b[1].at < a[1].at ? b : a), undefined);
    if (!next || next[1].at > before) return false;
    this.now = Math.max(this.now, next[1].at);
    this.#timers.delete(next[0]);
    next[1].ring();
    await this.calm();
    return true;
  }

  /** Lets time pass; timers ring when they are due, in order. */
  async pass(ms) {
    const end = this.now + ms;
    await this.calm();
    while (await this.ring(end));
    this.now = end;
    await this.calm();
  }

  /** The machine sleeps: time passes and nothing rings until it is over. Events sent meanwhile come out on waking. */
  async sleep(ms) {
    await this.calm();
    this.now += ms;
  }

  /** Lets time pass in which the newest stream is kept alive. */
  async live(ms, message = cadence) {
    for (let left = ms; left > 0; left -= 20_000) {
      await this.pass(Math.min(left, 20_000));
      this.source.send('heartbeat', message);
    }
    await this.calm();
  }

  /** Opens the newest stream and proves it, in 1 s. */
  async prove(message = {}) {
    const source = this.source;
    source.send('hello', { ...hello, ...message });
    await this.pass(1000);
    source.send('heartbeat', { ...cadence, ...message });
    await this.calm();
    return source;
  }

  /** The polls after the first n, as [ms since `from`, reason]. */
  since(n, from) {
    return this.polls.slice(n).map((p) => [p.at - from, p.reason]);
  }
}

/** A world with a proven stream. */
export async function proven(options, seed) {
  const world = new World(seed);
  world.start(options);
  await world.calm();
  await world.prove();
  return world;
}
