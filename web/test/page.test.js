import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, hello, proven, World } from './world.js';

const within = (value, low, high, what = '') => assert.ok(value >= low && value <= high, `${what} ${value} not in ${low}…${high}`);

/** Hides the page for so long, with its stream alive. */
async function hide(world, ms) {
  world.document.show('hidden');
  await world.live(ms);
  world.document.show('visible');
}

test('back after 30 s: a poll within a second, and a new stream before the old one goes', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  const old = world.source;
  await hide(world, 30_000);
  await world.pass(1000);
  assert.deepEqual(world.polls.slice(before).map((p) => p.reason), ['return']);
  assert.equal(world.sources.length, 2);
  assert.deepEqual([old.closed, world.state.stream, world.state.interval], [false, 'proven', 300_000]);
  await world.prove();
  assert.equal(old.closed, true);
});

test('back sooner: nothing', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  for (let n = 0; n < 5; n++) await hide(world, 20_000);
  await world.pass(2000);
  assert.equal(world.polls.length, before);
  assert.equal(world.sources.length, 1);
});

test('a page that starts hidden counts from there', async () => {
  const world = new World();
  world.document.visibilityState = 'hidden';
  world.start();
  await world.prove();
  await world.live(40_000);
  const before = world.polls.length;
  world.document.show('visible');
  await world.pass(1000);
  assert.equal(world.polls.length, before + 1);
});

test('the network comes back: a poll and a stream within a second, though both were backing off', async () => {
  const world = new World();
  world.poll = () => Promise.reject(new Error('offline'));
  world.routes['/poll-interval'] = () => Promise.reject(new TypeError('offline'));
  world.start();
  world.source.fail();
  await world.pass(400_000);
  world.routes = new World().routes;
  world.poll = () => undefined;
  const before = world.polls.length;
  world.window.emit('online');
  await world.pass(1000);
  assert.equal(world.polls[before].reason, 'online');
  assert.equal(world.sources.length, 2);
  assert.equal(world.state.stream, 'connecting');
});

test('offline and back does not shorten what the gateway asked for', async () => {
  const world = await proven();
  world.source.send('goodbye', { reason: 'drain', after_ms: 30_000, spread_ms: 0 });
  world.window.emit('online');
  await world.pass(29_000);
  assert.equal(world.sources.length, 1);
  await world.pass(1000);
  assert.equal(world.sources.length, 2);
});

test('left and restored: the stream is closed, a new one comes with a poll', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  const old = world.source;
  world.window.emit('pagehide', { persisted: true });
  assert.equal(old.closed, true);
  assert.deepEqual([world.state.stream, world.state.reason], ['none', 'hidden']);
  await world.sleep(120_000);
  world.window.emit('pageshow', { persisted: true });
  await world.pass(1000);
  within(world.polls.length - before, 1, 2);
  assert.equal(world.sources.length, 2);
  await world.prove();
  assert.equal(world.state.stream, 'proven');
});

test('a page that was left and lives on has its stream again once it is shown, whatever it is told', async () => {
  const returns = {
    'pageshow of a page that was not kept': (world) => world.window.emit('pageshow', { persisted: false }),
    'shown after some seconds': async (world) => (world.document.show('hidden'), await world.pass(5000), world.document.show('visible')),
    'shown, and never hidden': (world) => world.document.show('visible'),
  };
  const leaves = { pagehide: (world) => world.window.emit('pagehide', { persisted: true }), freeze: (world) => world.document.emit('freeze') };
  for (const [how, leave] of Object.entries(leaves)) {
    for (const [name, come] of Object.entries(returns)) {
      const world = await proven();
      leave(world);
      await world.pass(20_000);
      assert.equal(world.sources.length, 1, 'it is away until then');
      await come(world);
      await world.pass(2000);
      assert.equal(world.sources.length, 2, `${how}, ${name}`);
      await world.prove();
      assert.equal(world.state.stream, 'proven');
    }
  }
});

test('the first pageshow of a page changes nothing', async () => {
  const world = new World();
  world.start();
  world.window.emit('pageshow', { persisted: false });
  await world.prove();
  world.window.emit('pageshow', { persisted: false });
  await world.pass(5000);
  assert.deepEqual([world.sources.length, world.requests.length], [1, 0]);
});

test('an answer that arrives after the page was left opens nothing', async () => {
  const world = new World();
  let keep;
  world.start({ getToken: () => new Promise((k) => (keep = k)) });
  await world.calm();
  world.window.emit('pagehide', { persisted: true });
  keep('abc');
  await world.pass(60_000);
  assert.equal(world.sources.length, 0);
  assert.equal(world.requests.length, 0);
});

test('a prerendered page waits until it is shown', async () => {
  const world = new World();
  world.document.prerendering = true;
  world.start();
  await world.pass(5000);
  assert.equal(world.sources.length, 0);
  world.document.prerendering = false;
  world.document.emit('prerenderingchange');
  assert.equal(world.sources.length, 1);
  await world.prove();
  assert.equal(world.state.stream, 'proven');
});

test('a clock that is set back neither stops the polls nor hurries them', async () => {
  // The steady clock is the browser's part of the environment, so the real one is tested here.
  const { browser } = await import('../.build/env.js');
  const real = Date.now;
  let wall = 1_000_000;
  Date.now = () => wall;
  try {
    const { now } = browser();
    const first = now();
    wall -= 500_000;
    assert.equal(now(), first);
    wall += 10;
    assert.equal(now(), first + 10);
    wall += 1_000_000;
    assert.equal(now(), first + 1_000_010);
  } finally {
    Date.now = real;
  }
});

test('a poll in flight while the page was away does not count: another follows', async () => {
  const world = await proven();
  world.poll = () => new Promise((_, refuse) => (world.refuse = refuse));
  await world.pass(20_000);
  const before = world.polls.length;
  assert.equal(world.inFlight, 1);
  world.window.emit('pagehide', { persisted: true });
  await world.sleep(30_000);
  world.window.emit('pageshow', { persisted: true });
  world.poll = () => undefined;
  world.refuse(new TypeError('Failed to fetch'));
  await world.pass(1000);
  assert.deepEqual(world.polls.slice(before).map((p) => p.reason), ['return']);
});
