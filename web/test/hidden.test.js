// A page that nobody sees keeps no connection, and polls no faster for that. Shown again, it polls, and has its stream back.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, proven, terms, World } from './world.js';

const open = (world) => world.sources.filter((source) => !source.closed).length;
const asks = (world) => world.requests.filter((r) => r.path === '/poll-interval');

/** The page is hidden for so long; its stream is kept alive while it has one. */
async function hide(world, ms) {
  world.document.show('hidden');
  for (const end = world.now + ms; world.now < end; ) {
    await world.pass(Math.min(20_000, end - world.now));
    if (open(world)) world.source.send('heartbeat', cadence);
  }
}

/** The shortest time between two polls from `n` on. */
const shortest = (world, n) => Math.min(...world.polls.slice(n).map((poll, i) => poll.at - (world.polls[n + i - 1]?.at ?? -Infinity)));

test('hidden for a minute, the stream is let go, and the slow pace stays; shown, the page polls and has its stream within a second', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  await hide(world, 59_000);
  assert.equal(open(world), 1, 'whoever comes back within a minute finds the stream');
  await world.pass(1000);
  assert.deepEqual([open(world), world.state.stream, world.state.reason, world.state.interval], [0, 'none', 'hidden', 300_000]);
  await world.pass(10 * 3_600_000);
  assert.ok(world.polls.length - before > 100, 'it polls on');
  assert.ok(shortest(world, before + 1) >= 240_000, `${shortest(world, before + 1)} ms between two polls`);
  assert.deepEqual([world.sources.length, asks(world).length], [1, 0], 'nothing is asked of the gateway');

  const polls = world.polls.length;
  const at = world.now;
  world.document.show('visible');
  await world.pass(1000);
  assert.deepEqual(world.since(polls, at).map(([, reason]) => reason), ['return']);
  assert.equal(world.sources.length, 2);
  assert.equal(world.state.interval, 300_000, 'and the slow pace, until the stream is proven');
  await world.prove();
  assert.equal(world.state.mode, 'push');
});

test('a page that comes back to no gateway is at its fast interval within a minute', async () => {
  const world = await proven();
  await hide(world, 600_000);
  world.routes['/poll-interval'] = () => answer(502);
  world.document.show('visible');
  await world.pass(1000);
  world.source.fail();
  await world.pass(60_000);
  assert.equal(world.state.interval, 10_000);
});

test('the page\'s own least interval counts too, and without push the page polls no faster than that', async () => {
  for (const [options, gateway, least] of [[{ hidden: 900_000 }, true, 720_000], [{}, false, 48_000], [{ hidden: 120_000 }, false, 96_000]]) {
    const world = new World();
    if (!gateway) world.routes['/poll-interval'] = () => answer(502);
    world.start(options);
    if (gateway) await world.prove();
    else world.source.fail();
    const before = world.polls.length;
    await hide(world, 7_200_000);
    assert.ok(world.polls.length - before > 2);
    assert.ok(shortest(world, before + 1) >= least, `${shortest(world, before + 1)} ms`);
    assert.equal(open(world), 0);
  }
});

test('whatever a hidden page was doing, after a minute it holds no connection and asks for none', async () => {
  const silent = () => new Promise(() => {});
  const moments = {
    connecting() {},
    open: (world) => world.source.send('hello', hello),
    async waiting(world) {
      await world.prove();
      world.source.send('goodbye', { reason: 'drain', after_ms: 120_000, spread_ms: 0 });
    },
    refused(world) {
      world.routes['/poll-interval'] = () => answer(200, { ...terms, push: 'off' });
      world.source.fail();
    },
    async asking(world) {
      world.routes['/poll-interval'] = silent;
      world.source.fail();
      await world.pass(1000);
    },
    unreachable(world) {
      world.routes['/poll-interval'] = () => answer(502);
      world.source.fail();
    },
    async paused(world) {
      await world.prove();
      world.nudge.pause();
    },
    async left(world) {
      await world.prove();
      world.window.emit('pagehide', {});
    },
    async watching(world) {
      await world.prove();
      world.nudge.watch({ 7: 3 });
    },
    async held(world) {
      world.routes['/versions'] = silent;
    },
  };
  for (const [name, reach] of Object.entries(moments)) {
    const world = new World();
    world.start({}, name === 'held' ? { EventSource: undefined } : {});
    await reach(world);
    await hide(world, 61_000);
    const before = [world.sources.length, world.requests.length];
    const held = world.requests.filter((r) => r.path === '/versions' || r.path === '/poll-interval').at(-1);
    if (name === 'held' || name === 'asking') assert.equal(held.init.signal.aborted, true, name);
    const things = [
      () => world.window.emit('online'),
      () => world.document.emit('freeze'),
      () => world.document.emit('resume'),
      () => world.window.emit('pageshow', { persisted: true }),
      () => (world.nudge.pause('a'), world.nudge.resume('a')),
      () => world.nudge.resume(),
      () => world.nudge.watch({ 9: 1 }),
      () => world.nudge.setToken('t'),
      () => void world.nudge.refresh(),
    ];
    for (const thing of things) {
      thing();
      await world.pass(10_000);
      assert.deepEqual([open(world), world.sources.length, world.requests.length], [0, ...before], `${name}: ${thing}`);
    }
    await world.pass(600_000);
    assert.deepEqual([world.sources.length, world.requests.length], before, name);

    world.routes = new World().routes;
    world.document.show('visible');
    await world.pass(130_000);
    if (name === 'held') assert.ok(world.requests.length > before[1], name);
    else assert.ok(world.sources.length > before[0], `${name}: no stream came back: ${world.state.reason}`);
    world.nudge.stop();
    assert.equal(world.timers, 0, name);
  }
});

test('to be hidden, left or paused shortens no wait that the gateway asked for', async () => {
  const ways = {
    hidden: async (world) => (await hide(world, 100_000), world.document.show('visible')),
    left: async (world) => (world.window.emit('pagehide', {}), await world.pass(100_000), world.window.emit('pageshow', { persisted: true })),
    paused: async (world) => (world.nudge.pause(), await world.pass(100_000), world.nudge.resume()),
    'paused for a moment': async (world) => (world.nudge.pause(), world.nudge.resume(), world.nudge.pause(), world.nudge.resume()),
    'all of it': async (world) => {
      world.document.show('hidden');
      world.nudge.pause();
      await world.pass(70_000);
      world.window.emit('pagehide', {});
      world.nudge.resume();
      world.window.emit('pageshow', { persisted: true });
      world.document.show('visible');
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    const world = new World();
    world.routes['/poll-interval'] = () => answer(503, {}, { 'Retry-After': '600' });
    world.start();
    world.source.fail();
    while (!asks(world).length) await world.pass(100);
    const at = world.now;
    await way(world);
    await world.pass(at + 599_000 - world.now);
    assert.deepEqual([asks(world).length, world.sources.length], [1, 1], name);
    await world.pass(130_000);
    assert.ok(asks(world).length + world.sources.length > 2, `${name}: it comes back after that`);
  }
});

test('a page that is let go while its streams make way for a poll has push when it is shown', async () => {
  for (const from of [5000, 20_000, 30_000, 55_000]) {
    const world = await proven();
    await world.live(70_000);
    await hide(world, from);
    world.poll = () => new Promise(() => {});
    world.nudge.refresh();
    for (let s = from + 1000; s <= 62_000; s += 1000) {
      await world.pass(1000);
      if (open(world)) await world.prove();
    }
    assert.equal(open(world), 0);
    world.poll = new World().poll;
    world.document.show('visible');
    const limit = world.now + 120_000;
    while (world.state.stream !== 'proven' && world.now < limit) {
      await world.pass(1000);
      if (open(world)) await world.prove();
    }
    assert.equal(world.state.stream, 'proven', `hidden for ${from} ms before the poll: ${world.state.reason}`);
    assert.equal(world.state.interval, 300_000);
  }
});

test('a page without projects asks for nothing, whatever happens to it, and the first project brings a stream at once', async () => {
  const things = {
    online: (world) => world.window.emit('online'),
    hidden: async (world) => (await hide(world, 100_000), world.document.show('visible')),
    left: (world) => (world.window.emit('pagehide', {}), world.window.emit('pageshow', { persisted: true })),
    frozen: (world) => (world.document.emit('freeze'), world.document.emit('resume')),
    paused: (world) => (world.nudge.pause(), world.nudge.resume()),
    token: (world) => world.nudge.setToken('t'),
    'no token': (world) => world.nudge.setToken(null),
    unwatched: (world) => world.nudge.watch({ 8: 1 })(),
    refreshed: (world) => void world.nudge.refresh(),
  };
  for (const [name, thing] of Object.entries(things)) {
    const world = new World();
    world.start({ projects: {} });
    await world.pass(1000);
    await thing(world);
    await world.pass(20_000);
    assert.deepEqual([world.requests.length, world.sources.length], [0, 0], name);
    world.nudge.watch({ 7: 3 });
    await world.pass(100);
    assert.equal(world.sources.length, name === 'no token' ? 0 : 1, `${name}: ${world.state.reason}`);
  }
});

test('a page whose last project goes does not ask for a stream without any', async () => {
  for (const end of ['goodbye', 'lost']) {
    const world = new World();
    world.start({ projects: {} });
    const undo = world.nudge.watch({ 7: 3 });
    await world.pass(100);
    await world.prove({ versions: { 7: 3 } });
    undo();
    if (end === 'goodbye') world.source.send('goodbye', { reason: 'rotate', after_ms: 0, spread_ms: 0 });
    else world.source.fail();
    await world.pass(60_000);
    assert.deepEqual([world.sources.length, world.requests.length], [1, 0], end);
    world.nudge.watch({ 7: 3 });
    await world.pass(100);
    assert.equal(world.sources.length, 2, end);
  }
});
