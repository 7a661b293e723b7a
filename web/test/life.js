// One life of a page at the boundary of createNudge: what happens around it, and what it does then. It can be recorded, with
// whatever may happen, and played again. All random numbers of a life are the same number, so that it does not matter how many
// the shim draws, and in which order.

import { answer, World } from './world.js';

export const PROJECTS = { 42: 123, 7: 9 };

/** What a stream or a request names: its projects, each with a version. */
function marks(query) {
  const of = new URLSearchParams(query).getAll('project').map((mark) => mark.split('@'));
  return Object.fromEntries(of.map(([id, version]) => [id, Number(version)]));
}

export class Life extends World {
  streams = []; // {source, state, openedAt, helloAt, lastAt, heartbeat}, by number from 1; so are the requests and polls:
  asks = []; // {resolve, reject}, until they are answered
  flights = []; // {resolve, reject, aborted}, until they are answered
  out = [];
  #last = {};
  /** Which situations this life went through. */
  seen = new Set();

  constructor(random) {
    super();
    this.random = () => random;
    this.begun = this.now;
    this.routes = {}; // see ask
    this.poll = (context) => this.#poll(context);
    const life = this;
    const { EventSource } = this;
    this.EventSource = class extends EventSource {
      constructor(url, init) {
        super(url, init);
        const stream = { source: this, state: 'connecting', openedAt: life.now };
        if (life.nudge?.getSnapshot().cut && life.streams.some(({ state }) => state === 'proven')) life.seen.add('a stream is renewed before it ends');
        const number = life.streams.push(stream);
        life.#did('open', number, { marks: marks(new URL(url).search) });
        stream.number = number;
      }
      close() {
        if (this.closed) return;
        super.close();
        life.#closed(life.streams.find(({ source }) => source === this));
      }
    };
  }

  get at() {
    return this.now - this.begun;
  }

  #did(what, number, more) {
    this.out.push({ at: this.at, did: what, number, ...more });
  }

  #closed(stream) {
    this.#did('close', stream.number);
    const at = this.now;
    if (stream.state === 'connecting' && at === stream.openedAt + 10_000) this.seen.add('no hello in time');
    if (stream.state === 'open' && at === stream.helloAt + 5000) this.seen.add('mute');
    if (stream.state === 'proven' && at === stream.lastAt + 2 * stream.heartbeat) this.seen.add('silent');
    stream.state = 'closed';
  }

  env() {
    const env = super.env();
    return {
      ...env,
      setTimeout: (ring, ms) => env.setTimeout(ring, Math.ceil(ms)),
      fetch: (url, init = {}) => this.#ask(new URL(url), init),
    };
  }

  #ask({ pathname: path, search }, init) {
    if (path === '/missed') {
      const { project, version, kind } = JSON.parse(init.body);
      this.#did('report', undefined, { project, version, kind });
      this.seen.add(`report${kind ? `: ${kind}` : ''}`);
      return Promise.resolve(answer(204));
    }
    return new Promise((resolve, reject) => {
      const ask = { resolve, reject, open: true, path };
      const number = this.asks.push(ask);
      const askedAt = this.now;
      init.signal?.addEventListener('abort', () => {
        ask.open = false;
        if (this.now >= askedAt + 15_000) this.seen.add('question without an answer');
        reject(new Error('aborted'));
      });
      this.#did('ask', number, { path, marks: marks(search) });
    });
  }

  #poll({ reason, projects, signal }) {
    return new Promise((resolve, reject) => {
      const flight = { resolve, reject, open: true, begunAt: this.now, projects, reason };
      const number = this.flights.push(flight);
      signal.addEventListener('abort', () => {
        if (!flight.open) return;
        flight.aborted = true;
        this.#did('abort', number);
        if (this.now >= flight.begunAt + 60_000) this.seen.add('poll without an answer');
      });
      const lacks = Object.fromEntries(Object.entries(projects).map(([id, { have, want }]) => [id, want === undefined ? [have] : [have, want]]));
      this.#did('poll', number, { reason, projects: lacks });
      this.seen.add(`poll: ${reason}`);
    });
  }

  /** Starts the page. */
  begin() {
    this.start({ projects: PROJECTS });
  }

  /** Makes this happen: `kind` with its number, and what it says. */
  happen({ kind, number, message, status, headers, versions, projects, project, version, prev }) {
    const stream = this.streams[number - 1];
    const flight = this.flights[number - 1];
    const acts = {
      time() {},
      hello: () => this.#say(stream, kind, message),
      version: () => this.#say(stream, kind, message),
      heartbeat: () => this.#say(stream, kind, message),
      goodbye: () => this.#say(stream, kind, message),
      lost: () => {
        this.seen.add(`${stream.state}: lost`);
        if (stream.state === 'proven' && this.now - stream.helloAt === this.state.cut) this.seen.add('a stream has ended before it was renewed');
        stream.source.fail();
      },
      replied: () => {
        this.seen.add(`answer: ${verdict(status, message)}`);
        this.asks[number - 1].resolve(answer(status, message, headers));
      },
      failed: () => this.asks[number - 1].reject(new TypeError('no network')),
      polled: () => flight.resolve({ versions, headers: new Headers(headers) }),
      unpolled: () => flight.reject({ headers: new Headers(headers) }),
      hidden: () => this.document.show('hidden'),
      visible: () => this.document.show('visible'),
      leave: () => this.window.emit('pagehide'),
      back: () => this.window.emit('pageshow', { persisted: true }),
      online: () => this.window.emit('online'),
      refresh: () => void this.nudge.refresh(),
      pause: () => this.nudge.pause(),
      resume: () => this.nudge.resume(),
      watch: () => void (this.unwatch = this.nudge.watch(projects)),
      unwatch: () => this.unwatch(),
      ack: () => this.nudge.ack(project, version, prev),
    };
    if (kind === 'replied' || kind === 'failed') this.asks[number - 1].open = false;
    if (kind === 'polled' || kind === 'unpolled') {
      flight.open = false;
      const took = this.now - flight.begunAt;
      this.seen.add(flight.aborted ? 'too late' : `${kind}${took > 10_000 ? ' after 10 s' : ''}`);
      for (const name of Object.keys(headers)) this.seen.add(`${kind} with ${name}`);
    } else if (!stream || kind === 'replied') this.seen.add(kind);
    acts[kind]();
  }

  #say(stream, name, message) {
    const { state } = stream;
    this.seen.add(`${state}: ${name}${name === 'goodbye' && state !== 'connecting' ? ` ${message.reason}` : ''}`);
    if (message.spread_ms && name !== 'goodbye') this.seen.add(`${name} with spread`);
    stream.lastAt = this.now;
    stream.heartbeat = message.heartbeat_ms ?? stream.heartbeat ?? 25_000;
    if (state === 'connecting' && name === 'hello') {
      stream.state = 'open';
      stream.helloAt = this.now;
    }
    const age = this.now - stream.helloAt;
    if (state === 'open' && name !== 'hello' && age >= 500 && age <= 5000) stream.state = 'proven';
    stream.source.send(name, message);
  }

  /** The machine sleeps; see `sleep`. */
  async nap(ms) {
    this.seen.add('asleep');
    for (const { state } of this.streams) if (state !== 'closed') this.seen.add(`asleep: ${state}`);
    if (this.inFlight) this.seen.add('asleep: poll in flight');
    await this.sleep(ms);
  }

  /** What the page has done since the last call, and how it is now, as far as that is new. */
  result() {
    const out = this.out.sort((a, b) => a.at - b.at || rank(a) - rank(b) || a.number - b.number);
    this.out = [];
    const { interval, versions, stream, reason, cut } = this.state;
    this.seen.add(`reason: ${reason}`);
    if (cut) this.seen.add('streams end at an age');
    const now = { interval, have: versions, proven: stream === 'proven' };
    const changed = Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(this.#last[name]));
    this.#last = now;
    return { out: out.length ? out : undefined, ...Object.fromEntries(changed) };
  }

  /** Plays one step of a record. */
  async step({ at, sleeps, event }) {
    if (sleeps) await this.nap(at - this.at);
    else await this.pass(at - this.at);
    if (event.kind === 'start') this.begin();
    else this.happen(event);
    await this.calm();
    return this.result();
  }
}

/** What an answer to /poll-interval means, in the words of its test. */
function verdict(status, message) {
  if (status !== 200) return status;
  if (message.denied?.length) return message.denied.length > 1 ? 'all denied' : 'some denied';
  if (message.off?.length) return 'all off';
  if (message.push === 'off') return 'push off';
  if (message.refusing) return 'refusing';
  if (!message.fast_ms) return 'captive';
  return message.connect_after_ms ? 'connect_after_ms' : 'go';
}

// What a page does within one millisecond may come in any order.
const rank = ({ did }) => ['abort', 'poll', 'close', 'open', 'ask', 'report'].indexOf(did);
