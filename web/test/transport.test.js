import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, World } from './world.js';

/** A transport in the hands of the test: what was asked of it, and what it says. */
function carrier(more = {}) {
  const streams = [];
  const transport = Object.assign((request, on) => {
    const stream = { request, on, closed: false, role: 'leader', close: () => (stream.closed = true) };
    streams.push(stream);
    return stream;
  }, more);
  return { transport, streams };
}

test('streams go through the transport, as objects or as text', async () => {
  const { transport, streams } = carrier();
  const world = new World();
  world.start({ transport, gateway: 'https://push.test//' });
  assert.equal(world.sources.length, 0);
  assert.deepEqual(streams[0].request, { gateway: 'https://push.test', projects: { 42: 123 }, token: null, headers: undefined, yields: false });
  assert.equal(world.state.role, 'leader');
  streams[0].on.event('hello', hello);
  streams[0].on.event('toString', {});
  await world.pass(1000);
  streams[0].on.event('heartbeat', JSON.stringify(cadence));
  assert.deepEqual([world.state.stream, world.state.interval], ['proven', 300_000]);
  streams[0].role = 'follower';
  streams[0].on.event('version', { project: '42', version: 124, spread_ms: 0 });
  await world.pass(0);
  assert.deepEqual([world.state.role, world.state.versions[42], world.polls.at(-1).reason], ['follower', 124, 'news']);
  streams[0].on.lost(503);
  assert.deepEqual([streams[0].closed, world.state.stream, world.state.role], [true, 'waiting', 'solo']);
  await world.pass(10_000);
  assert.deepEqual(streams[1].request.projects, { 42: 124 });
});

test('a transport works where the browser has no EventSource', () => {
  const { transport, streams } = carrier();
  const world = new World();
  world.start({ transport }, { EventSource: undefined });
  assert.deepEqual([streams.length, world.state.reason], [1, 'starting']);
});

test('a transport that takes the token: no session, no cookie, and a new stream with a new token', async () => {
  const { transport, streams } = carrier({ bearer: true });
  const world = new World();
  let tokens = 0;
  world.start({ transport, getToken: () => `t${++tokens}` });
  await world.calm();
  assert.deepEqual([streams.length, streams[0].request.token, world.requests.length], [1, 't1', 0]);
  streams[0].on.event('hello', { ...hello, token_expires_in_s: 100 });
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  for (let s = 0; s < 90 && streams.length < 2; s += 10) {
    await world.pass(10_000);
    streams[0].on.event('heartbeat', cadence);
  }
  assert.deepEqual([streams.length, streams[1].request.token, streams[0].closed], [2, 't2', false]);
  streams[1].on.event('hello', hello);
  await world.pass(1000);
  streams[1].on.event('heartbeat', cadence);
  assert.equal(streams[0].closed, true);

  // The gateway does not take it: once more with another, then only after a while.
  world.routes['/poll-interval'] = () => answer(401);
  streams[1].on.lost(401);
  await world.pass(10_000);
  assert.deepEqual([world.requests[0].path, world.requests[0].init.credentials], ['/poll-interval', 'same-origin']);
  assert.deepEqual(world.requests[0].init.headers, { 'X-Nudge-Token': 't2' });
  assert.deepEqual([tokens, streams.at(-1).request.token], [3, 't3']);
  streams.at(-1).on.lost(401);
  await world.pass(40_000);
  assert.deepEqual([tokens, world.state.reason, world.state.stream], [3, 'token', 'none']);
});

test('what reports a missed version has the token too', async () => {
  const { transport, streams } = carrier({ bearer: true });
  const world = new World();
  world.poll = () => ({ versions: { 42: 130 } });
  world.start({ transport, getToken: () => 't1' });
  await world.calm();
  streams[0].on.event('hello', hello);
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  await world.pass(15_000);
  streams[0].on.event('heartbeat', cadence);
  const [report] = world.requests.filter((r) => r.path === '/missed');
  assert.deepEqual([report.init.method, report.init.headers['X-Nudge-Token'], report.init.credentials], ['POST', 't1', 'same-origin']);
});

test('of more projects than a gateway takes, it is asked for as many as it does, and the page polls as before', async () => {
  const world = new World();
  const projects = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`p${i}`, 100]));
  world.start({ projects });
  const asked = new URL(world.source.url).searchParams.getAll('project');
  assert.equal(asked.length, 64);
  await world.prove({ versions: Object.fromEntries(asked.map((mark) => mark.split('@'))) });
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'uncovered', 10_000]);
});

const fail = () => {
  throw new Error('no');
};
for (const [what, wrong] of Object.entries({
  'throws when it opens': fail,
  'returns nothing': (open) => (request, on) => void open(request, on),
  'returns no handle': (open) => (request, on) => (open(request, on), { close: 'no', role: 7 }),
  'throws when it closes': (open) => (request, on) => ({ close: () => (open(request, on).close(), fail()) }),
  'says hello within the call': (open) => (request, on) => (on.event('hello', hello), on.event('heartbeat', cadence), open(request, on)),
  'loses the stream within the call': (open) => (request, on) => (on.lost(503), open(request, on)),
  'loses each stream again and again': (open) => (request, on) => open(request, { ...on, lost: (why) => (on.lost(why), on.lost(why), on.lost(why)) }),
  'goes on after a loss': (open) => (request, on) => open(request, { ...on, lost: () => (on.lost(), on.event('hello', hello), on.event('heartbeat', cadence)) }),
  'goes on after close': (open) => (request, on) => ({ close: () => (on.event('hello', hello), on.event('heartbeat', cadence), on.lost(), open(request, on).close()) }),
  'says what cannot be read': (open) => (request, on) => (on.event('hello', '{'), on.event('version', null), on.event(null, 1n), on.event({}, []), open(request, on)),
})) {
  test(`whatever a transport that ${what} does, the page polls at its old pace, and has push once it is right`, async () => {
    const { transport, streams } = carrier();
    const world = new World();
    let bad = true;
    world.start({ transport: (...args) => (bad ? (wrong === fail ? fail : wrong(transport)) : transport)(...args) });
    for (let s = 0; s < 300; s += 10) {
      await world.pass(10_000);
      if (s % 50 === 0) for (const { on, closed } of streams) closed || on.lost();
    }
    const { length } = world.polls;
    assert.ok(length >= 25 && length <= 45, `${length} polls in 5 minutes`);
    assert.equal(world.state.mode, 'poll');
    bad = false;
    for (const { on } of streams) on.lost();
    for (let s = 0; s < 4000 && world.state.stream !== 'open'; s++) {
      await world.pass(1000);
      const stream = streams.at(-1);
      if (world.state.stream === 'connecting') stream?.on.event('hello', hello);
    }
    await world.pass(1000);
    streams.at(-1).on.event('heartbeat', cadence);
    assert.equal(world.state.stream, 'proven');
    world.nudge.stop();
    assert.equal(world.timers, 0);
  });
}

test('a gateway whose URL is none is reported, and the page polls', async () => {
  const world = new World();
  world.start({ gateway: 'http://[' }, { EventSource: class { constructor() { throw new SyntaxError('not a URL'); } }, fetch: async () => fail() });
  await world.pass(100_000);
  assert.ok(world.polls.length >= 8);
  assert.ok(world.reported.length >= 1 && world.reported.length <= 20, `${world.reported.length} reports`);
});
