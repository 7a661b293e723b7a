// What the application asks for in the answer of its poll.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, proven, World } from './world.js';

const within = (value, low, high, what = '') => assert.ok(value >= low && value <= high, `${what} ${value} not in ${low}…${high}`);

/** Polls once, with this answer, and gives the time until the next poll. */
async function wait(world, headers, how = (said) => said) {
  world.poll = () => how({ versions: { 42: 123 }, headers: new Headers(headers) });
  await world.pass(Math.max(0, world.state.nextPollAt - world.now));
  await world.calm();
  return world.state.nextPollAt - world.now;
}

const alone = (seed) => {
  const world = new World(seed);
  world.start({}, { EventSource: undefined });
  return world;
};

test('X-Poll-Interval and Retry-After stretch the interval, and never shorten it', async () => {
  for (let seed = 1; seed < 30; seed++) {
    const world = alone(seed);
    within(await wait(world, { 'X-Poll-Interval': '60' }), 60_000, 72_000, 'interval');
    within(await wait(world, { 'Retry-After': '60' }), 60_000, 72_000, 'retry');
    within(await wait(world, { 'X-Poll-Interval': '20', 'Retry-After': '40' }), 40_000, 48_000, 'both');
    within(await wait(world, { 'X-Poll-Interval': '10' }), 10_000, 12_000, 'as long as the interval');
    within(await wait(world, { 'X-Poll-Interval': '1' }), 8000, 12_000, 'shorter');
    within(await wait(world, {}), 8000, 12_000, 'each answer counts anew');
  }
});

test('Retry-After may be a date, and nothing goes beyond an hour', async () => {
  const world = alone();
  const date = new Date(world.state.nextPollAt + 90_000).toUTCString();
  within(await wait(world, { 'Retry-After': date }), 88_000, 109_000);
  within(await wait(world, { 'Retry-After': '1e9' }), 3_600_000, 4_320_000);
});

test('nonsense asks for nothing', async () => {
  const world = alone();
  for (const odd of ['', '-60', 'soon', '0', 'NaN', '-Infinity']) {
    within(await wait(world, { 'X-Poll-Interval': odd, 'Retry-After': odd }), 8000, 12_000, odd);
  }
  for (const headers of [null, {}, 7, 'x', { get: () => undefined }, { get: () => ({}) }]) {
    within(await wait(world, {}, (said) => ({ ...said, headers })), 8000, 12_000, String(headers));
  }
  assert.equal(world.state.stats.failedPolls, 0);
});

test('an error that carries headers is heard as well', async () => {
  const world = alone();
  const refuse = ({ headers }) => Promise.reject({ status: 503, headers });
  within(await wait(world, { 'Retry-After': '120' }, refuse), 120_000, 144_000);
  assert.equal(world.state.stats.failedPolls, 1);
  within(await wait(world, {}, refuse), 1000, 40_000);
});

test('news comes through X-Poll-Interval, and waits for Retry-After', async () => {
  for (const [name, held] of [['X-Poll-Interval', false], ['Retry-After', true]]) {
    const world = await proven();
    within(await wait(world, { [name]: '60' }), 60_000, 360_000);
    const at = world.now;
    const before = world.polls.length;
    await world.live(20_000);
    world.poll = () => ({ versions: { 42: 124 } });
    world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
    await world.pass(1000);
    assert.equal(world.polls.length - before, held ? 0 : 1, name);
    if (!held) continue;
    await world.live(60_000);
    within(world.polls.at(before).at - at, 60_000, 72_000);
  }
});

test('a shorter interval, coming back and being behind do not come before it', async () => {
  for (const [name, act] of Object.entries({
    down: (world) => world.source.send('heartbeat', { ...cadence, push: 'down', poll_ms: 10_000 }),
    lost: (world) => world.source.fail(),
    online: (world) => world.window.emit('online'),
  })) {
    for (const header of ['X-Poll-Interval', 'Retry-After']) {
      const world = await proven();
      await wait(world, { [header]: '60' });
      const at = world.now;
      act(world);
      within(world.state.nextPollAt - at, 60_000, 72_000, name);
    }
  }
  const stale = await proven();
  await wait(stale, {});
  const at = stale.now;
  stale.poll = () => ({ versions: { 42: 123 }, headers: new Headers({ 'Retry-After': '60' }) });
  stale.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  await stale.pass(1000);
  within(stale.state.nextPollAt - at, 60_000, 73_000, 'behind');
});

test('what the page asks for itself is not held back', async () => {
  const world = alone();
  await wait(world, { 'Retry-After': '600' });
  const before = world.polls.length;
  void world.nudge.refresh();
  await world.pass(0);
  assert.equal(world.polls.length, before + 1);
});
