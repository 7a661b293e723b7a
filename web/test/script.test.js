import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import vm from 'node:vm';
import { startScript } from '../.build/script.js';
import { cadence, hello, World } from './world.js';

/** A page with such a script, and the attributes of it. */
function page(dataset, src = 'https://push.test/push/nudge.global.js') {
  const world = new World();
  const target = new EventTarget();
  world.nudge = startScript({ dataset, src }, (event) => target.dispatchEvent(event), world.env());
  return { world, target };
}

async function proven(world, more) {
  await world.calm();
  world.source.send('hello', { ...hello, ...more });
  await world.pass(1000);
  world.source.send('heartbeat', cadence);
}

test('a script without projects starts nothing', () => {
  assert.equal(page({}).world.nudge, undefined);
});

test('what is no project, or no time, is told and left out', (t) => {
  const said = t.mock.method(console, 'error', () => {});
  const { world } = page({ projects: '42@123 @5 a/b@1 7@x 8@', interval: '10', hidden: '60s' });
  assert.deepEqual([world.state.versions, world.state.fast], [{ 42: 123 }, 10_000]);
  assert.equal(said.mock.callCount(), 6);
  for (const { arguments: [text] } of said.mock.calls) assert.match(text, /^nudge: data-(projects|interval|hidden): ".+" is no /);
  assert.equal(page({ projects: ' ' }).world.nudge, undefined);
});

test('an inline script has its gateway at the origin of the page', () => {
  const { world } = page({ projects: '42@123' }, '');
  assert.equal(world.source.url, 'https://app.test/events?project=42@123');
});

test('projects and options are attributes, and the gateway is where the script came from', async () => {
  const { world } = page({ projects: ' 42@123 7@3,\n8', interval: '5000', push: 'auto' });
  assert.equal(world.source.url, 'https://push.test/push/events?project=7@3&project=8@0&project=42@123');
  assert.deepEqual([world.state.versions, world.state.fast], [{ 42: 123, 7: 3, 8: 0 }, 5000]);
  assert.equal(page({ projects: '1@1', gateway: 'https://other.test/' }).world.source.url, 'https://other.test/events?project=1@1');
  assert.equal(page({ projects: '1@1', push: 'off' }).world.sources.length, 0);
  assert.equal(page({ projects: '1@1' }).world.state.fast, 10_000);
});

test('the old name of the interval works, and is told', (t) => {
  const said = t.mock.method(console, 'warn', () => {});
  assert.equal(page({ projects: '1@1', fast: '5000' }).world.state.fast, 5000);
  assert.ok(said.mock.callCount() <= 1);
});

test('a page may poll at once', async () => {
  const { world, target } = page({ projects: '42@123', immediate: '' });
  let polls = 0;
  target.addEventListener('nudge:poll', (event) => event.waitUntil(void polls++));
  await world.pass(0);
  assert.equal(polls, 1);
});

test('a hidden page has the interval that the attribute gives', async () => {
  const { world, target } = page({ projects: '42@123', hidden: '90000' });
  target.addEventListener('nudge:poll', (event) => event.waitUntil({}));
  world.document.show('hidden');
  await world.pass(30_000); // a poll that was drawn before
  assert.equal(world.state.interval, 90_000);
});

test('each part of the page polls for its own', async () => {
  const { world, target } = page({ projects: '42@123 7@3', writer: 'w1' });
  const asked = [];
  target.addEventListener('nudge:poll', (event) => {
    asked.push(event.detail);
    event.waitUntil(Promise.resolve({ versions: { 42: 125 } }));
  });
  target.addEventListener('nudge:poll', (event) => event.waitUntil({ versions: { 7: 4 }, headers: new Headers({ 'X-Poll-Interval': '600' }) }));
  target.addEventListener('nudge:poll', (event) => event.waitUntil(undefined));
  await proven(world, { versions: { 42: 123, 7: 3 } });
  world.source.send('version', { project: '42', version: 124, prev: 123, spread_ms: 0, writer: 'w1' });
  await world.pass(0);
  assert.equal(asked.length, 0, 'its own change');
  world.source.send('version', { project: '42', version: 125, spread_ms: 0 });
  await world.pass(2000);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].reason, 'news');
  assert.equal(asked[0].projects[42].want, 125);
  assert.deepEqual(world.state.versions, { 42: 125, 7: 4 });
  assert.ok(world.state.nextPollAt - world.now >= 590_000, 'the word of the application');
});

test('a part that fails makes the poll fail; where nobody listens the page is told so, once', async (t) => {
  const said = t.mock.method(console, 'error', () => {});
  const { world, target } = page({ projects: '42@123' });
  await world.pass(60_000);
  assert.ok(world.state.stats.failedPolls > 1);
  assert.equal(said.mock.callCount(), 1);
  assert.match(said.mock.calls[0].arguments[0], /addEventListener\('nudge:poll'/);
  const before = world.state.stats;
  target.addEventListener('nudge:poll', (event) => event.waitUntil(Promise.reject(new Error('500'))));
  const done = world.nudge.refresh();
  await world.pass(60_000);
  await done;
  assert.ok(world.state.stats.failedPolls > before.failedPolls);
});

test('what was meant to start and cannot is told; a script that only brings the library is not', (t) => {
  const said = t.mock.method(console, 'error', () => {});
  for (const [dataset, told] of [[{ turboTrack: 'reload' }, 0], [{}, 0], [{ projects: '', push: 'off' }, 0], [{ project: '42@1' }, 1], [{ gateway: '/push' }, 2]]) {
    assert.equal(startScript({ dataset }, () => {}), undefined);
    assert.equal(said.mock.callCount(), told);
  }
});

test('the script once more takes the place of the first instance, and without projects leaves it alone', async () => {
  const code = await readFile(new URL('../dist/nudge.global.js', import.meta.url), 'utf8');
  const script = { dataset: { projects: '42@123', push: 'off' }, src: 'https://push.test/nudge.global.js' };
  let current = script;
  class Document extends EventTarget {
    visibilityState = 'visible';
    get currentScript() {
      return current;
    }
  }
  const document = new Document();
  const fetch = () => Promise.reject(new Error('unreachable'));
  const context = vm.createContext({ AbortController, CustomEvent, Date, EventTarget, Math, URL, console, document, fetch, setTimeout, clearTimeout });
  const run = () => (vm.runInContext(code, context), context.Nudge.page);
  const first = run();
  current = { ...script }; // a copy of the element: none runs twice
  const second = run();
  assert.deepEqual([first.getSnapshot().mode, second.getSnapshot().mode], ['stopped', 'poll']);
  current = { dataset: {}, src: script.src };
  assert.equal(run(), second);
  assert.equal(second.getSnapshot().mode, 'poll');
  second.stop();
});
