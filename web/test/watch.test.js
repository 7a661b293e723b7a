// What a page watches comes and goes with its components and routes: that costs neither streams nor polls.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, hello, proven, World } from './world.js';

const versions = { 42: 123, 7: 3 };

/** A page on a stream that serves a project which a component watches. */
async function watching() {
  const world = await proven();
  const undo = world.nudge.watch({ 7: 3 });
  await world.pass(100);
  await world.prove({ versions });
  await world.live(40_000);
  return { world, undo };
}

test('watch, undo, watch: the stream is kept, and the slow pace', async () => {
  for (const between of [0, 10, 1000, 30_000]) {
    const { world, undo } = await watching();
    const [streams, polls] = [world.sources.length, world.polls.length];
    let last = undo;
    for (let n = 0; n < 5; n++) {
      last();
      await world.live(between);
      last = world.nudge.watch({ 7: 3 });
      await world.pass(10);
      assert.deepEqual([world.state.interval, world.state.reason], [300_000, 'streaming']);
    }
    await world.pass(1000);
    assert.deepEqual([world.sources.length - streams, world.polls.length - polls], [0, 0], `${between} ms between`);
    world.source.send('version', { project: '7', version: 4, spread_ms: 0 });
    await world.pass(0);
    assert.equal(world.state.versions[7], 4);
  }
});

test('the same for the only project of a page, and for every', async () => {
  for (const watch of [(nudge) => nudge.watch({ 42: 123 }), (nudge) => nudge.every(5000, () => {}, { projects: { 42: 123 } })]) {
    const world = new World();
    world.start({ projects: {} });
    let undo = watch(world.nudge);
    await world.pass(100);
    await world.prove();
    await world.live(40_000);
    for (let n = 0; n < 5; n++) {
      undo();
      undo = watch(world.nudge);
      await world.pass(100);
    }
    assert.deepEqual([world.sources.length, world.state.stream], [1, 'proven']);
    const polls = world.polls.length;
    await world.live(100_000);
    if (undo.length === 0) assert.ok(world.polls.length - polls <= 12, `${world.polls.length - polls} polls`);
  }
});

test('StrictMode: watch, undo, watch at the start is one stream', async () => {
  const world = new World();
  world.start({ projects: {} });
  world.nudge.watch({ 42: 123 })();
  world.nudge.watch({ 42: 123 });
  await world.pass(100);
  assert.equal(world.sources.length, 1);
  await world.prove();
  await world.pass(20_000);
  assert.deepEqual([world.sources.length, world.state.mode], [1, 'push']);
});

test('whoever watches again what was announced meanwhile polls for it', async () => {
  const { world, undo } = await watching();
  undo();
  world.source.send('version', { project: '7', version: 9, spread_ms: 0 });
  await world.pass(2000);
  const before = world.polls.length;
  world.nudge.watch({ 7: 3 });
  await world.pass(2000);
  assert.equal(world.polls.length, before + 1);
  assert.equal(world.state.versions[7], 9);
  world.nudge.watch({ 7: 9 });
  await world.pass(2000);
  assert.equal(world.polls.length, before + 1, 'and not for what the page has');
});

test('what nobody watches any more is not asked for by the next stream', async () => {
  const { world, undo } = await watching();
  undo();
  world.source.send('goodbye', { reason: 'rotate', after_ms: 0, spread_ms: 0 });
  await world.pass(1000);
  assert.match(world.source.url, /\?project=42@123$/);
  await world.prove({ versions: { 42: 123 } });
  world.nudge.watch({ 7: 3 });
  await world.pass(100);
  assert.match(world.source.url, /project=7@3/);
});

test('a watch that is bound to a signal ends with it, once', async () => {
  const life = new AbortController();
  const { world } = await watching();
  const undo = world.nudge.watch({ 8: 1 }, { signal: life.signal });
  world.nudge.watch({ 8: 1 });
  life.abort();
  undo();
  assert.deepEqual(Object.keys(world.state.versions), ['7', '8', '42']);
  world.nudge.watch({ 9: 1 }, { signal: AbortSignal.abort() });
  assert.ok(!('9' in world.state.versions));
});

test('projects may have the names of what every object has', async () => {
  const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];
  const world = new World();
  world.start({ projects: Object.fromEntries(names.map((name) => [name, 1])) });
  await world.prove({ versions: Object.fromEntries(names.map((name) => [name, 1])) });
  await world.live(20_000, cadence);
  assert.deepEqual(Object.keys(world.state.versions).sort(), [...names].sort());
  for (const project of names) {
    world.source.send('version', { project, version: 2, spread_ms: 0 });
    await world.pass(1000);
    assert.equal(Object.getOwnPropertyDescriptor(world.state.versions, project).value, 2, project);
  }
  const before = world.polls.length;
  const other = await proven();
  await other.live(20_000);
  const polls = other.polls.length;
  for (const project of names) other.source.send('version', { project, version: 2, spread_ms: 0 });
  other.source.send('hello', { ...hello, versions: { 42: 123, constructor: 5 }, unknown: names });
  await other.pass(2000);
  assert.deepEqual([other.polls.length, world.polls.length], [polls, before], 'news of what nobody watches');
});
