import assert from 'node:assert/strict';
import test from 'node:test';
import { wide } from '../.build/wide.js';
import { cadence, chance, hello, terms, answer, World } from './world.js';

const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, 100]));

/** A page with 150 projects, whose three streams are in the hands of the test. */
function page(more = {}, projects = many(150)) {
  const world = new World();
  const streams = [];
  const carrier = Object.assign((request, on) => {
    const stream = {
      request,
      on,
      closed: false,
      role: 'leader',
      close: () => (stream.closed = true),
      hello: (said = {}) => on.event('hello', { ...hello, versions: request.projects, ...said }),
    };
    streams.push(stream);
    return stream;
  }, more);
  const { setTimeout, clearTimeout } = world.env();
  const transport = wide(carrier, { Date: { now: () => world.now }, Math: { random: chance(1) }, setTimeout, clearTimeout });
  world.start({ projects, transport });
  return { world, streams, transport };
}

/** The same, proven. */
async function pushed() {
  const all = page();
  for (const stream of all.streams) stream.hello();
  await all.world.pass(1000);
  for (const stream of all.streams) stream.on.event('heartbeat', cadence);
  assert.deepEqual([all.world.state.stream, all.world.state.mode], ['proven', 'push']);
  return all;
}

async function live(world, streams, ms) {
  for (; ms > 0; ms -= 20_000) {
    await world.pass(Math.min(ms, 20_000));
    for (const stream of streams) stream.on.event('heartbeat', cadence);
  }
}

test('few projects have the stream as it is', () => {
  const { streams, world } = page({}, many(64));
  assert.equal(streams.length, 1);
  streams[0].on.event('hello', hello);
  assert.equal(world.state.stream, 'open');
});

test('many have several streams, each with what a gateway takes', () => {
  const { streams, world } = page();
  assert.deepEqual(streams.map(({ request }) => Object.keys(request.projects).length), [64, 64, 22]);
  assert.deepEqual(Object.assign({}, ...streams.map(({ request }) => request.projects)), many(150));
  assert.equal(world.state.role, 'leader');
  const long = page({}, Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}`.padStart(128, 'x'), 1])));
  assert.deepEqual(long.streams.map(({ request }) => Object.keys(request.projects).length), [29, 29, 2]);
});

test('they are open when all are, and proven when all are; until then news comes, and proves nothing', async () => {
  const { streams, world } = page();
  streams[0].hello();
  streams[1].hello();
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  streams[1].on.event('version', { project: 'p70', version: 101, spread_ms: 0 });
  assert.equal(world.state.stream, 'connecting');
  streams[2].hello();
  assert.deepEqual([world.state.stream, world.state.behind], ['open', 1]);
  streams[0].on.event('version', { project: 'p1', version: 101, spread_ms: 0 });
  assert.deepEqual([world.state.stream, world.state.behind], ['open', 2]);
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  assert.equal(world.state.stream, 'open', 'one has only said hello');
  streams[2].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.mode, world.state.behind], ['proven', 'push', 0]);
  assert.deepEqual([world.state.versions.p70, world.state.versions.p1], [101, 101]);
});

test('what came at once with its hello proves none of them, and another hello puts the proof off by nothing', async () => {
  const { streams, world } = page();
  streams[0].hello();
  await world.pass(100);
  streams[0].on.event('heartbeat', cadence);
  await world.pass(900);
  streams[1].hello();
  streams[2].hello();
  await world.pass(400);
  streams[1].hello();
  await world.pass(200);
  streams[1].on.event('heartbeat', cadence);
  streams[2].on.event('heartbeat', cadence);
  assert.equal(world.state.stream, 'open');
  streams[0].on.event('heartbeat', cadence);
  assert.equal(world.state.stream, 'proven');
});

test('news of each is polled for', async () => {
  const { streams, world } = await pushed();
  const before = world.polls.length;
  streams[2].on.event('version', { project: 'p149', version: 103, spread_ms: 0 });
  await world.pass(0);
  assert.equal(world.state.versions.p149, 103);
  assert.equal(world.polls.length, before + 1);
});

test('the worst that one of them says of push counts for all', async () => {
  const { streams, world } = await pushed();
  streams[1].on.event('heartbeat', { ...cadence, push: 'down', poll_ms: 10_000 });
  assert.deepEqual([world.state.push, world.state.interval], ['down', 10_000]);
  streams[0].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.push, world.state.interval], ['down', 10_000], 'it still is');
  streams[1].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.push, world.state.interval], ['healthy', 300_000]);
});

test('one that falls silent ends them all, in two heartbeats', async () => {
  const { streams, world } = await pushed();
  await live(world, [streams[0], streams[2]], 40_000);
  assert.equal(world.state.stream, 'proven');
  await world.pass(10_000);
  assert.deepEqual([world.state.stream, world.state.mode], ['waiting', 'poll']);
  assert.ok(streams.every(({ closed }) => closed));
});

test('what has queued up while the page slept is heard before that', async () => {
  const { streams, world } = await pushed();
  for (let n = 0; n < 2; n++) {
    await world.sleep(120_000);
    world.env().setTimeout(() => streams.forEach((stream) => stream.on.event('heartbeat', cadence)), 0);
    await world.pass(100);
    assert.equal(world.state.stream, 'proven');
  }
  for (const ms of [120_000, 5000]) {
    await world.sleep(ms);
    for (const stream of [streams[0], streams[2]]) stream.on.event('heartbeat', cadence);
    await world.pass(0);
  }
  assert.equal(world.state.stream, 'waiting', 'of one nothing had, and it has had its time');
});

test('one that ends ends them all, and so does a goodbye', async () => {
  for (const end of [(on) => on.lost(), (on) => on.event('goodbye', '{"reason":"drain","after_ms":0,"spread_ms":0}')]) {
    const { streams, world } = await pushed();
    end(streams[1].on);
    assert.ok(streams.every(({ closed }) => closed));
    assert.equal(world.state.stream, 'waiting');
    streams[0].on.event('heartbeat', cadence);
    streams[2].on.lost();
    await world.pass(15_000);
    assert.equal(streams.length, 6);
  }
});

test('one that the gateway refuses is left out, and asked for again', async () => {
  const { streams, world } = page();
  streams[1].on.lost(403);
  streams[0].hello();
  streams[2].hello();
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  streams[2].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'uncovered', 10_000]);
  streams[0].on.event('version', { project: 'p1', version: 101, spread_ms: 0 });
  await world.pass(0);
  assert.equal(world.state.versions.p1, 101);
  await live(world, [streams[0], streams[2]], 240_000);
  assert.equal(streams.length, 3);
  await live(world, [streams[0], streams[2]], 120_000);
  assert.equal(streams.length, 4);
  assert.deepEqual(streams[3].request.projects, streams[1].request.projects);
  streams[3].hello();
  streams[3].on.event('version', { project: 'p70', version: 103, spread_ms: 0 });
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'uncovered'], 'it is not proven');
  await world.pass(1000);
  streams[3].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'streaming', 300_000]);
  await live(world, [streams[0], streams[2], streams[3]], 100_000);
  assert.equal(world.state.stream, 'proven');
  streams[3].on.lost();
  assert.equal(world.state.stream, 'waiting');
});

test('left out, it ends nothing, whatever it does', async () => {
  for (const end of [(on) => on.lost(500), () => {}]) {
    const { streams, world } = page();
    const others = [streams[0], streams[2]];
    streams[1].on.lost(403);
    for (const stream of others) stream.hello();
    await world.pass(1000);
    await live(world, others, 1000);
    while (streams.length < 4) await live(world, others, 20_000);
    streams[3].hello();
    await world.pass(100);
    streams[3].on.event('heartbeat', cadence);
    end(streams[3].on);
    await live(world, others, 60_000);
    assert.deepEqual([world.state.stream, world.state.reason, streams[3].closed], ['proven', 'uncovered', true]);
    while (streams.length < 5) await live(world, others, 20_000);
    streams[4].hello();
    streams[4].on.event('heartbeat', cadence);
    assert.equal(world.state.reason, 'uncovered', 'that is no proof');
    streams[4].on.lost();
    while (streams.length < 6) await live(world, others, 20_000);
    await live(world, others, 60_000);
    assert.deepEqual([world.state.stream, streams[5].closed], ['proven', true], 'it says nothing at all');
  }
});

test('a gateway that refuses all is asked why', async () => {
  const { streams, world } = page();
  world.routes['/poll-interval'] = () => answer(200, { ...terms, push: 'off' });
  for (const { on } of streams) on.lost(403);
  await world.pass(10_000);
  assert.deepEqual([world.state.stream, world.state.reason, streams.length], ['none', 'off', 3]);
  const [{ query }] = world.requests;
  assert.equal(query.split('&').length, 64, 'for as many as it takes');
  await world.pass(400_000);
});

test('nonsense ends nothing', async () => {
  const { streams, world } = await pushed();
  for (const data of ['', 'null', '7', '[]', '{"versions":7}', null, undefined, { versions: null, denied: 7 }]) {
    for (const name of ['heartbeat', 'version', 'tomorrow', 'hello']) streams[1].on.event(name, data);
  }
  await live(world, [streams[0], streams[2]], 20_000);
  assert.equal(world.state.stream, 'proven');
});

test('the first token that ends is renewed for all', async () => {
  const { streams, transport } = page();
  const said = [];
  const own = streams.length;
  transport({ gateway: '', projects: many(130) }, { event: (name, data) => said.push(data), lost() {} });
  streams[own + 2].on.lost(403);
  streams[own].hello({ token_expires_in_s: 900, denied: ['p1'] });
  streams[own + 1].hello({ token_expires_in_s: 60, denied: ['p65'], spread_ms: 5000 });
  assert.deepEqual([said.length, said[0].token_expires_in_s, said[0].denied, said[0].spread_ms], [1, 60, ['p1', 'p65'], 5000]);
});

test('closed, it leaves no timer and no stream behind', async () => {
  const { streams, world, transport } = page();
  world.nudge.stop();
  assert.ok(streams.every(({ closed }) => closed));
  const said = [];
  const own = streams.length;
  const handle = transport({ gateway: '', projects: many(70) }, { event: (name) => said.push(name), lost: () => said.push('lost') });
  streams[own + 1].on.lost(403);
  streams[own].hello();
  handle.close();
  handle.close();
  streams[own].hello();
  streams[own].on.lost();
  await world.pass(1_000_000);
  assert.deepEqual([said, streams.length, streams[own].closed], [['hello'], own + 2, true]);
});

test('it takes the token where the transport does', () => {
  assert.equal(page({ bearer: true }).transport.bearer, true);
  assert.equal(page().transport.bearer, undefined);
});
