// Many pages in one world: what matters is not when one of them polls, but that they do not poll together.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createNudge } from '../.build/nudge.js';
import { cadence, chance, hello } from './world.js';

/** Pages that share time and fate. Nothing but the shims decides when they poll. */
class Fleet {
  now = 1_800_000_000_000;
  polls = []; // when each was
  #queue = new Map(); // what happens, by the millisecond

  constructor(pages, seed) {
    this.random = chance(seed);
    const fleet = this;
    this.pages = Array.from({ length: pages }, () => {
      const page = { sources: [] };
      page.EventSource = class {
        listeners = {};
        constructor() {
          page.sources.push(this);
        }
        addEventListener(name, listener) {
          this.listeners[name] = listener;
        }
        send(name, data) {
          if (!this.closed) this.listeners[name](data ? { data } : {});
        }
        close() {
          this.closed = true;
        }
      };
      page.start = () => {
        page.nudge = createNudge({ projects: { 42: 1 }, poll: () => void fleet.polls.push(fleet.now) }, fleet.env(page));
        page.sources[0].send('hello', { ...hello, ...page.said });
        fleet.at(1000, () => page.sources[0].send('heartbeat', page.said));
      };
      return page;
    });
  }

  env({ EventSource }) {
    return {
      now: () => this.now,
      random: this.random,
      setTimeout: (ring, ms) => this.at(ms, ring),
      clearTimeout: (entry) => void (entry && (entry.act = undefined)),
      fetch: () => Promise.reject(new TypeError('Failed to fetch')),
      EventSource,
      origin: 'https://app.test',
      page: true,
      window: undefined,
      document: undefined,
    };
  }

  at(ms, act) {
    const time = Math.ceil(this.now + ms);
    const entry = { act };
    if (this.#queue.has(time)) this.#queue.get(time).push(entry);
    else this.#queue.set(time, [entry]);
    return entry;
  }

  async pass(ms) {
    for (const end = this.now + ms; this.now < end; this.now++) {
      const entries = this.#queue.get(this.now);
      if (!entries) continue;
      for (const entry of entries) entry.act?.(); // whatever they add for now comes right after them
      this.#queue.delete(this.now);
      await null; // a poll is answered at once,
      await null;
      for (let i = 0; i < 8; i++) await null; // after some turns of the promises in between
    }
  }
}

test('a fleet that loses push together polls no faster than it may, in any second', async () => {
  const fleet = new Fleet(2000, 5);
  const slow = 300_000;
  const fast = 10_000;
  for (const page of fleet.pages) {
    page.said = { ...cadence, poll_ms: slow, heartbeat_ms: 80_000_000 };
    fleet.at(slow * fleet.random(), page.start);
  }
  await fleet.pass(3 * slow);
  // Half of them have just polled for news, and so have as long to wait as one another.
  for (const page of fleet.pages.slice(0, fleet.pages.length / 2)) {
    page.sources[0].send('version', { project: '42', version: 124, spread_ms: 5000 });
  }
  await fleet.pass(6000);
  const from = fleet.now;
  const before = fleet.polls.length;
  for (const page of fleet.pages) {
    const lose = fleet.random() < 0.5 ? ['error', undefined] : ['heartbeat', { ...page.said, push: 'down', poll_ms: fast }];
    fleet.at(1000 * fleet.random(), () => page.sources[0].send(...lose));
  }
  await fleet.pass(1000 + 3 * fast);

  const seconds = new Array(31).fill(0);
  for (const at of fleet.polls.slice(before)) seconds[Math.floor((at - from) / 1000)]++;
  const mean = fleet.pages.length / (fast / 1000);
  const most = mean + 5 * Math.sqrt(mean);
  assert.ok(Math.max(...seconds) <= most, `${Math.max(...seconds)} polls in a second, ${most} allowed: ${seconds}`);
  assert.ok(Math.min(...seconds.slice(1)) >= mean - 5 * Math.sqrt(mean), `nobody waits: ${seconds}`);
});
