import { window } from './adapters/dom.js';
import { after, afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect as mount } from '../.build/observers/inspect.js';
import { proven, World } from './world.js';

after(() => window.happyDOM.close());

const undos = [];
afterEach(() => undos.splice(0).forEach((undo) => undo()));

function inspect(nudge, options) {
  const undo = mount(nudge, options);
  undos.push(undo);
  return undo;
}

const overlays = () => [...document.querySelectorAll('nudge-inspect')];

/** What an overlay shows, for reading and for pressing. */
function shown(host = overlays().at(-1)) {
  const root = host.shadowRoot;
  const [toggle, away] = root.querySelectorAll('button');
  const panel = root.querySelector('[role=region]');
  return {
    root,
    toggle,
    away,
    panel,
    get open() {
      return toggle.getAttribute('aria-expanded') === 'true' && !panel.hidden;
    },
    get sentence() {
      return root.querySelector('p').textContent;
    },
    get figures() {
      return Object.fromEntries([...root.querySelectorAll('dt')].map((dt) => [dt.textContent, dt.nextSibling.textContent]));
    },
    get events() {
      return [...root.querySelectorAll('li')].map((li) => li.lastChild.textContent);
    },
    press: (key, on = toggle) => on.dispatchEvent(new window.KeyboardEvent('keydown', { key, bubbles: true, composed: true })),
  };
}

/** A page's clock, which stands at the world's time; gives the number of timers that run. */
function clock(t, world) {
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: world.now });
  const running = new Set();
  const { setInterval, clearInterval } = globalThis;
  t.mock.method(globalThis, 'setInterval', (...args) => {
    const id = setInterval(...args);
    running.add(id);
    return id;
  });
  t.mock.method(globalThis, 'clearInterval', (id) => {
    running.delete(id);
    clearInterval(id);
  });
  return () => running.size;
}

function hide(t, hidden) {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  t.after(() => delete document.hidden);
  document.dispatchEvent(new window.Event('visibilitychange'));
}

/** An instance whose snapshot and listeners are in the hands of the test. */
class Puppet extends EventTarget {
  listeners = new Set();
  heard = 0;
  constructor(snapshot) {
    super();
    this.snapshot = snapshot;
  }
  addEventListener(type, listener, options) {
    this.heard++;
    options.signal.addEventListener('abort', () => this.heard--);
    super.addEventListener(type, listener, options);
  }
  subscribe(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  getSnapshot() {
    return this.snapshot;
  }
  set(changes) {
    this.snapshot = { ...this.snapshot, ...changes };
    for (const listener of this.listeners) listener();
  }
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

async function puppet() {
  const world = await proven();
  world.nudge.stop();
  return new Puppet({ ...world.state, mode: 'push', reason: 'streaming', stream: 'proven' });
}

test('it shows what the snapshot says, and follows', async (t) => {
  const world = await proven();
  clock(t, world);
  inspect(world.nudge, { open: true });
  const it = shown();
  assert.equal(it.toggle.textContent, 'Nudge: push · streaming');
  assert.equal(it.sentence, 'All is well.');
  const { 'next poll': next, ...figures } = it.figures;
  assert.match(next, /^in \d+ s$/);
  assert.deepEqual(figures, {
    mode: 'push',
    push: 'healthy',
    stream: 'proven',
    reason: 'streaming',
    rung: 'stream',
    role: 'solo',
    interval: '5 min',
    fast: '10 s',
    'last event': '0 s ago',
    lag: 'none',
    polls: `${world.state.stats.polls}, 0 for news, 0 failed`,
    saved: `${world.state.stats.saved}`,
    missed: '0',
    versions: '42@123, 0 behind',
  });

  const answers = [];
  world.poll = () => new Promise((resolve) => answers.push(resolve));
  world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  assert.equal(it.figures.versions, '42@123, 1 behind');
  await world.pass(2000);
  assert.equal(it.figures['next poll'], 'now');
  answers[0]({ versions: { 42: 124 } });
  await world.calm();
  assert.equal(it.figures.versions, '42@124, 0 behind');
  assert.match(it.figures.polls, /, 1 for news, 0 failed$/);
  assert.match(it.figures.lag, /^(\d+ ms|\d(\.\d)? s)$/);
  assert.match(it.events[0], /^poll \(news\) took \d+ m?s$/);
  assert.equal(it.events[1], 'news 42@124');

  world.poll = () => {
    throw new Error('500');
  };
  world.nudge.refresh();
  await world.pass(5000);
  assert.ok(it.events.includes('poll (refresh) failed after 0 ms'));
  world.nudge.pause();
  assert.equal(it.toggle.textContent, 'Nudge: paused · paused');
  assert.equal(it.events[0], 'mode push → paused, stream proven → none, reason streaming → paused');
  assert.equal(it.figures['next poll'], 'none');
  world.nudge.stop();
  assert.equal(it.sentence, 'The page stopped it for good.');
});

test('each reason has a sentence of its own', async () => {
  const types = readFileSync(new URL('../src/types.ts', import.meta.url), 'utf8');
  const reasons = [...types.match(/export type Reason =(.+?'stopped';)/s)[1].matchAll(/\| '(\w+)'/g)].map(([, reason]) => reason);
  assert.ok(reasons.length >= 20);
  const nudge = await puppet();
  inspect(nudge, { open: true });
  const said = new Set();
  for (const reason of reasons) {
    nudge.set({ reason });
    assert.match(shown().sentence, /^[A-Z].+\.$/, reason);
    said.add(shown().sentence);
  }
  assert.equal(said.size, reasons.length);
});

test('the lamp tells what the words tell', async () => {
  const nudge = await puppet();
  inspect(nudge);
  const lamp = () => shown().root.querySelector('i').className;
  for (const [mode, push, want] of [
    ['push', 'healthy', 'good'],
    ['push', 'degraded', 'warn'],
    ['poll', 'unknown', 'warn'],
    ['poll', 'down', 'bad'],
    ['poll', 'off', ''],
    ['paused', 'healthy', ''],
  ]) {
    nudge.set({ mode, push });
    assert.equal(lamp(), want, `${mode} ${push}`);
  }
});

test('it remembers the last twenty events, newest first', async () => {
  const nudge = await puppet();
  inspect(nudge);
  for (let version = 1; version <= 25; version++) nudge.tell('news', { project: '42', version });
  const { events, root } = shown();
  assert.deepEqual([events.length, events[0], events[19]], [20, 'news 42@25', 'news 42@6']);
  assert.match(root.querySelector('time').textContent, /^\d\d:\d\d:\d\d$/);
  nudge.set({ versions: { 42: 25 } }); // no change of state
  assert.equal(shown().events[0], 'news 42@25');
});

test('its clock runs only while it is open and the page is visible', async (t) => {
  const world = await proven();
  void world.nudge.refresh(); // so that the next one is far
  await world.pass(100);
  const running = clock(t, world);
  inspect(world.nudge);
  const it = shown();
  assert.deepEqual([it.open, running()], [false, 0]);
  it.toggle.click();
  assert.deepEqual([it.open, running()], [true, 1]);
  const left = () => Math.round((world.state.nextPollAt - Date.now()) / 1000);
  const before = left();
  t.mock.timers.tick(3000);
  assert.equal(left(), before - 3);
  assert.equal(it.figures['next poll'], `in ${Math.floor(left() / 60)} min ${left() % 60} s`);
  assert.equal(it.figures['last event'], '3 s ago');
  hide(t, true);
  assert.equal(running(), 0);
  hide(t, false);
  assert.equal(running(), 1);
  it.toggle.click();
  assert.deepEqual([it.open, running()], [false, 0]);
  world.nudge.stop();
});

test('the undo leaves nothing behind, and so does the button', async (t) => {
  for (const end of [(undo) => undo(), () => shown().away.click()]) {
    const nudge = await puppet();
    const running = clock(t, new World());
    const heard = t.mock.method(document, 'addEventListener');
    const undo = inspect(nudge, { open: true });
    assert.deepEqual([overlays().length, nudge.listeners.size, nudge.heard, running()], [1, 1, 2, 1]);
    const signals = heard.mock.calls.map((call) => call.arguments[2].signal);
    assert.equal(signals.length, 1);
    end(undo);
    assert.deepEqual([overlays().length, nudge.listeners.size, nudge.heard, running()], [0, 0, 0, 0]);
    assert.ok(signals[0].aborted);
    undo();
    t.mock.reset();
  }
});

test('two stand side by side, and know nothing of each other', async () => {
  const [one, other] = [await puppet(), await puppet()];
  const undo = inspect(one, { name: 'Board', open: true });
  inspect(other, { name: 'Chat' });
  const [a, b] = overlays().map(shown);
  const up = (it) => it.root.querySelector('section').style.getPropertyValue('--up');
  assert.notEqual(up(a), up(b));
  other.set({ reason: 'degraded' });
  assert.deepEqual([a.toggle.textContent, b.toggle.textContent], ['Board: push · streaming', 'Chat: push · degraded']);
  assert.deepEqual([a.open, b.open], [true, false]);
  undo();
  assert.deepEqual(overlays(), [b.root.host]);
  inspect(one); // in the place that is free now
  assert.equal(up(shown()), up(a));
});

test('by keyboard: Escape closes, and focus is where it was', async () => {
  inspect(await puppet(), { name: 'Board' });
  const it = shown();
  let heard = 0;
  const hear = () => heard++;
  document.addEventListener('keydown', hear);
  it.press('Escape');
  assert.equal(heard, 1, 'closed, it leaves the key to the page');
  it.toggle.click();
  it.panel.focus();
  it.press('a', it.panel);
  assert.ok(it.open);
  it.press('Escape', it.panel);
  assert.deepEqual([it.open, it.root.activeElement === it.toggle, heard], [false, true, 2]);
  assert.deepEqual([it.toggle.tagName, it.panel.getAttribute('aria-label'), it.panel.tabIndex], ['BUTTON', 'Inside Board', 0]);
  document.removeEventListener('keydown', hear);
});

test('it goes where it is told to', async () => {
  const main = document.body.appendChild(document.createElement('main'));
  inspect(await puppet(), { parent: main });
  assert.equal(overlays()[0].parentNode, main);
});

test('nothing of it reaches the page as an error', async (t) => {
  const nudge = await puppet();
  inspect(nudge, { open: true });
  nudge.set({ versions: undefined });
  assert.deepEqual([overlays().length, nudge.listeners.size, nudge.heard], [0, 0, 0], 'it ends instead');
  const { snapshot } = await puppet();
  t.mock.method(window.CSSStyleSheet.prototype, 'replaceSync', () => {
    throw new Error('too old');
  });
  inspect(new Puppet(snapshot))();
  assert.equal(overlays().length, 0);
  t.mock.reset();
  const { document } = globalThis;
  delete globalThis.document; // a server
  inspect(new Puppet(snapshot))();
  globalThis.document = document;
});
