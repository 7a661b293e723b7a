// The inline loader, as it is in the HTML of pages, in a time that the test lets pass.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import vm from 'node:vm';

// import() by a name that the test can define.
const code = (await readFile(new URL('../dist/nudge.loader.js', import.meta.url), 'utf8')).replace('import(', 'load(');

class Page {
  now = 1;
  polls = []; // { at, projects, signal }
  loads = []; // when the file was asked for
  imports = [];
  warned = [];
  started = []; // what createNudge was called with, and when
  /** What asking for the file comes to. */
  file = () => Promise.reject(new TypeError('Failed to fetch'));
  /** What is in it. */
  module = { createNudge: (given) => (this.started.push({ at: this.now, ...given }), 'the instance') };
  /** What the application answers. */
  answer = () => ({});
  #timers = new Map();
  #ids = 0;

  open(options = {}) {
    const context = vm.createContext({
      AbortController,
      console: { warn: (...said) => this.warned.push(said) },
      fetch: (url, { signal }) => (this.loads.push(this.now), this.file(signal)),
      load: async (name) => (this.imports.push(name), this.module),
      performance: { now: () => this.now },
      setTimeout: (ring, ms, ...given) => (this.#timers.set(++this.#ids, { at: this.now + ms, ring: () => ring(...given) }), this.#ids),
      clearTimeout: (id) => void this.#timers.delete(id),
    });
    vm.runInContext(code, context);
    const poll = (asked) => (this.polls.push({ at: this.now, ...asked }), this.answer(asked));
    this.result = context.nudge({ src: 'https://push.test/push/nudge.js', projects: { 42: 123 }, interval: 10_000, poll, ...options });
    return this.calm();
  }

  async calm() {
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  }

  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const [id, next] = [...this.#timers].reduce((a, b) => (b[1].at < a[1].at ? b : a), [0, { at: Infinity }]);
      if (next.at > end) break;
      this.now = next.at;
      this.#timers.delete(id);
      next.ring();
      await this.calm();
    }
    this.now = end;
    await this.calm();
  }

  get pollTimes() {
    return this.polls.map(({ at }) => at - 1);
  }
}

const here = { text: async () => '' };

test('the file is there: its instance has the options, and makes the first poll', async () => {
  const page = new Page();
  page.file = async () => here;
  await page.open({ writer: 'w1' });
  assert.equal(await page.result, 'the instance');
  const [{ gateway, projects, immediate, writer, interval, src }] = page.started;
  assert.deepEqual({ gateway, projects: structuredClone(projects), immediate, writer, interval, src }, {
    gateway: 'https://push.test/push/', projects: { 42: 123 }, immediate: false, writer: 'w1', interval: 10_000, src: undefined,
  });
  await page.pass(3_600_000);
  assert.equal(page.polls.length, 0);
  assert.equal(page.loads.length, 1);
});

test('the gateway is away: the page polls at its own interval, and the file is asked for after polls, ever more rarely', async () => {
  const page = new Page();
  await page.open({ interval: 2000 });
  await page.pass(600_000);
  assert.equal(page.polls.length, 300);
  page.pollTimes.forEach((at, i) => assert.equal(at, (i + 1) * 2000));
  const waits = page.loads.map((at, i) => (at - (page.loads[i - 1] ?? 1)) / 1000);
  assert.deepEqual(waits, [0, 2, 2, 4, 8, 16, 32, ...waits.slice(7)]);
  assert.ok(waits.slice(7).every((wait) => wait === 60), `${waits}`);
  assert.deepEqual([page.started, page.imports], [[], []]);
});

test('a file that comes late goes on after the last poll if that was just now, else with the next', async () => {
  for (const [late, startedAt, immediate] of [[1900, 11_900, false], [2100, 20_000, true]]) {
    const page = new Page();
    await page.open();
    let come;
    page.file = () => new Promise((end) => (come = () => end(here)));
    await page.pass(10_000 + late);
    come();
    await page.calm();
    await page.pass(100_000);
    assert.deepEqual(page.started.map((s) => [s.at - 1, s.immediate]), [[startedAt, immediate]]);
    assert.deepEqual(page.pollTimes, [10_000]);
  }
});

test('a file that comes while a poll is in flight waits for its answer, and the instance has its versions', async () => {
  const page = new Page();
  let answered;
  page.answer = () => new Promise((end) => (answered = end));
  page.file = async () => here;
  await page.open({ immediate: true, projects: { 42: 123, 7: '9', 8: 5, 9: 1 } });
  assert.deepEqual(page.pollTimes, [0]);
  assert.deepEqual(structuredClone(page.polls[0].projects), { 42: { have: 123 }, 7: { have: 9 }, 8: { have: 5 }, 9: { have: 1 } });
  await page.pass(3000);
  assert.equal(page.started.length, 0);
  answered({ versions: { 42: 124, 7: '10', 8: 4, 9: 'x', other: 1 } });
  await page.calm();
  assert.deepEqual(structuredClone(page.started[0].projects), { 42: 124, 7: '10', 8: 5, 9: 1 });
  assert.equal(page.started[0].immediate, false);
});

test('polls that throw, reject, never answer or give nonsense do not end the loop', async () => {
  const page = new Page();
  const answers = [
    () => { throw new Error('a'); },
    () => Promise.reject(new Error('b')),
    () => new Promise(() => {}),
    () => null,
    () => ({ versions: null }),
    () => ({ versions: { 42: Symbol() } }),
    () => ({ get versions() { throw new Error('c'); } }),
  ];
  page.answer = () => answers[page.polls.length - 1]?.();
  await page.open();
  await page.pass(140_000);
  assert.deepEqual(page.pollTimes, [10_000, 20_000, 30_000, 100_000, 110_000, 120_000, 130_000, 140_000]);
  assert.deepEqual(page.polls.map(({ signal }) => signal.aborted), [false, false, true, false, false, false, false, false]);
  assert.ok(page.warned.some(([, error]) => error.message === 'a') && page.warned.some(([, error]) => error.message === 'b'));
});

test('an attempt that hangs is given up, and no other is made meanwhile', async () => {
  const page = new Page();
  const signals = [];
  page.file = (signal) => (signals.push(signal), new Promise(() => {}));
  await page.open({ interval: 1000 });
  await page.pass(19_000);
  assert.deepEqual([signals.length, signals[0].aborted], [1, false]);
  await page.pass(3000);
  assert.deepEqual([signals.length, signals[0].aborted], [2, true]);
});

test('something else in the place of the file ends nothing', async () => {
  const page = new Page();
  page.file = async () => here;
  const { module } = page;
  page.module = { tabs: 1 };
  await page.open();
  await page.pass(30_000);
  assert.deepEqual([page.polls.length, page.started.length], [3, 0]);
  page.module = module;
  await page.pass(30_000);
  assert.equal(page.started.length, 1);
  assert.equal(new Set(page.imports).size, page.imports.length, 'a URL that failed is not asked for again');
});

test('a page without intervals worth the name has the default, and one without poll only waits for the file', async () => {
  for (const interval of [undefined, 0, -1, NaN, 'often']) {
    const page = new Page();
    await page.open({ interval });
    await page.pass(20_000);
    assert.deepEqual(page.pollTimes, [10_000, 20_000]);
  }
  const page = new Page();
  await page.open({ poll: undefined });
  await page.pass(20_000);
  page.file = async () => here;
  await page.pass(60_000);
  assert.equal(page.started.length, 1);
});

test('the signal ends it', async () => {
  const page = new Page();
  const end = new AbortController();
  await page.open({ signal: end.signal });
  await page.pass(15_000);
  end.abort();
  await page.pass(60_000);
  assert.equal(page.polls.length, 1);
  assert.equal(await page.result, undefined);
});

test('a createNudge that throws ends nothing either', async () => {
  const page = new Page();
  page.file = async () => here;
  const { module } = page;
  page.module = { createNudge: () => { throw new TypeError('projects'); } };
  await page.open();
  await page.pass(60_000);
  assert.ok(page.polls.length >= 5, `${page.pollTimes}`);
  page.module = module;
  await page.pass(120_000);
  assert.equal(page.started.length, 1);
});
