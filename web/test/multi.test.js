import assert from 'node:assert/strict';
import test from 'node:test';
import { multi } from '../.build/transports/multi.js';
import { wide } from '../.build/transports/wide-old-name.js';
import { cadence, chance, hello, terms, answer, World } from './world.js';

const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${String(i).padStart(3, '0')}`, 100]));

/** A page with 150 projects, whose three streams are in the hands of the test. */
function page(more = {}, projects = many(150), around = (open) => open) {
  const world = new World();
  const streams = [];
  const carrier = Object.assign(around((request, on) => {
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
  }), more);
  const { setTimeout, clearTimeout } = world.env();
  const transport = multi(carrier, { Date: { now: () => world.now }, Math: { random: chance(1) }, setTimeout, clearTimeout });
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
  streams[1].on.event('version', { project: 'p070', version: 101, spread_ms: 0 });
  assert.equal(world.state.stream, 'connecting');
  streams[2].hello();
  assert.deepEqual([world.state.stream, world.state.behind], ['open', 1]);
  streams[0].on.event('version', { project: 'p001', version: 101, spread_ms: 0 });
  assert.deepEqual([world.state.stream, world.state.behind], ['open', 2]);
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  assert.equal(world.state.stream, 'open', 'one has only said hello');
  streams[2].on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.mode, world.state.behind], ['proven', 'push', 0]);
  assert.deepEqual([world.state.versions.p070, world.state.versions.p001], [101, 101]);
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

/** A page whose second stream is not to be had, and what becomes of each try to have it. */
async function lacking(end) {
  const { world, streams } = page();
  const others = [streams[0], streams[2]];
  const tries = [];
  const look = () => {
    for (const stream of streams) {
      if (!others.includes(stream) && !stream.closed && !tries.includes(stream)) {
        tries.push(Object.assign(stream, { at: world.now }));
        end(stream, tries.length);
      }
    }
  };
  const go = async (ms) => {
    for (let s = 0; s < ms; s += 500) {
      await world.pass(500);
      look();
      if (s % 20_000 === 0) for (const stream of others) stream.on.event('heartbeat', cadence);
    }
  };
  look();
  for (const stream of others) stream.hello();
  await go(1500);
  for (const stream of others) stream.on.event('heartbeat', cadence);
  return { world, streams, others, tries, go };
}

test('one that is not to be had is left out, asked for again ever more rarely, and the others keep push', async () => {
  const ends = [
    ({ on }) => on.lost(403),
    ({ on }) => on.event('goodbye', { reason: 'overload', after_ms: 0, spread_ms: 0 }),
    (stream) => (stream.hello(), stream.on.lost()),
    (stream) => (stream.hello(), stream.on.event('heartbeat', cadence), stream.on.event('goodbye', { reason: 'overload', after_ms: 0, spread_ms: 0 })),
  ];
  for (const end of ends) {
    const { world, tries, go, others } = await lacking((stream, n) => (n === 1 ? stream.on.lost(503) : end(stream)));
    assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'uncovered', 10_000]);
    others[0].on.event('version', { project: 'p001', version: 101, spread_ms: 0 });
    await world.pass(0);
    assert.equal(world.state.versions.p001, 101);
    await go(1_200_000);
    assert.deepEqual([world.state.stream, world.state.reason, others.some(({ closed }) => closed)], ['proven', 'uncovered', false]);
    const waits = tries.slice(1).map(({ at }, n) => at - tries[n].at);
    waits.forEach((ms, n) => assert.ok(ms >= Math.min(150_000, 500 * 2 ** n) && ms <= Math.min(300_000, 1000 * 2 ** n) + 1000, `wait ${n}: ${ms}`));
    assert.ok(waits.length > 10, waits);
  }
});

test('it waits at least as long as the gateway says', async () => {
  const { tries, go } = await lacking(({ on }) => on.event('goodbye', { reason: 'overload', after_ms: 90_000, spread_ms: 0 }));
  await go(200_000);
  assert.ok(tries[1].at - tries[0].at >= 90_000 && tries.length === 3);
});

test('a failure of one at the start costs no more than it costs a page with one stream', async () => {
  const { world, streams } = page();
  streams[1].on.lost();
  streams[0].hello();
  streams[2].hello();
  await world.pass(1000);
  assert.equal(streams.length, 4);
  streams[3].hello();
  await world.pass(1000);
  for (const stream of [streams[0], streams[2], streams[3]]) stream.on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'streaming', 300_000]);
});

test('it counts again when it is proven, and not before', async () => {
  const { world, others, tries } = await lacking((stream, n) => n === 1 && stream.on.lost(403));
  const [, back] = tries;
  assert.deepEqual(back.request.projects, tries[0].request.projects);
  back.hello();
  back.on.event('version', { project: 'p070', version: 103, spread_ms: 0 });
  back.on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'uncovered'], 'that came at once');
  await world.pass(1000);
  back.on.event('heartbeat', cadence);
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'streaming', 300_000]);
  await live(world, [...others, back], 100_000);
  assert.equal(world.state.stream, 'proven');
  back.on.lost();
  assert.equal(world.state.stream, 'waiting');
});

test('one that says nothing is taken for one that is not to be had', async () => {
  const { world, tries, go } = await lacking((stream, n) => (n === 1 ? stream.on.lost() : n % 2 && stream.hello()));
  await go(300_000);
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'uncovered']);
  assert.ok(tries.length >= 4);
  tries.slice(0, -1).forEach(({ closed }) => assert.ok(closed));
});

test('whoever is late with its hello joins later, and holds nobody up', async () => {
  const { world, streams } = page();
  streams[0].hello();
  await world.pass(1000);
  streams[0].on.event('heartbeat', cadence);
  assert.equal(world.state.stream, 'connecting');
  await world.pass(1000);
  assert.deepEqual([world.state.stream, world.state.reason], ['open', 'proving']);
  await world.pass(1000);
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'uncovered']);
  for (const stream of [streams[1], streams[2]]) {
    await live(world, [streams[0]], 8000);
    stream.hello();
    await world.pass(1000);
    stream.on.event('heartbeat', cadence);
  }
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval, streams.length], ['proven', 'streaming', 300_000, 3]);
});

test('if all but one are late, and that one was not to be had at first, it serves alone', async () => {
  const { world, streams } = page();
  streams[0].on.lost();
  await world.pass(1000);
  streams[3].hello();
  await world.pass(2500);
  assert.equal(world.state.stream, 'connecting');
  streams[3].on.event('heartbeat', cadence);
  await world.pass(2000);
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'uncovered']);
  await live(world, [streams[3]], 40_000);
  assert.equal(world.state.stream, 'proven');
});

test('off or revoked, one is left out; all are, and the page is told', async () => {
  for (const reason of ['off', 'revoked']) {
    const { streams, world } = await pushed();
    const goodbye = ({ on }) => on.event('goodbye', { reason, after_ms: 0, spread_ms: 0 });
    goodbye(streams[0]);
    assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['proven', 'uncovered', 10_000]);
    await live(world, [streams[1], streams[2]], 100_000);
    assert.deepEqual([world.state.stream, streams.length], ['proven', 3]);
    while (streams.length < 4) await live(world, [streams[1], streams[2]], 20_000);
    streams[3].hello();
    streams[3].on.event('heartbeat', cadence);
    assert.equal(world.state.reason, 'uncovered', 'it is not proven again');
    goodbye(streams[1]);
    assert.equal(world.state.stream, 'proven');
    goodbye(streams[2]);
    goodbye(streams[3]);
    assert.deepEqual([world.state.stream, world.state.reason], ['none', reason === 'off' ? 'off' : 'denied']);
  }
});

test('what a hello tells to do is told once', async () => {
  const { streams, world } = page();
  streams[0].hello({ versions: {}, unknown: Object.keys(streams[0].request.projects), spread_ms: 60_000 });
  streams[1].hello();
  streams[2].hello();
  await world.pass(1000);
  for (const { on } of streams) on.event('heartbeat', cadence);
  await live(world, streams, 80_000);
  const before = world.polls.length;
  for (let n = 0; n < 5; n++) {
    streams[1].hello({ versions: { ...streams[1].request.projects } });
    await live(world, streams, 1000);
  }
  assert.deepEqual([world.polls.length, world.state.reason], [before, 'streaming'], 'nothing was new');
  streams[1].hello({ versions: { ...streams[1].request.projects, p070: 105 } });
  await world.pass(0);
  assert.deepEqual([world.polls.length, world.state.versions.p070], [before + 1, 105], 'nor is its spread');
  streams[0].on.event('version', { project: 'p001', version: 101, spread_ms: 0 });
  await world.pass(1000);
  assert.equal(world.state.versions.p001, 101);
});

test('of what the gateway knows no version of, the poll tells the truth, even a step back', async () => {
  const { streams, world } = page();
  world.poll = () => ({ versions: { ...many(150), p001: 90 } });
  const { p001, ...others } = streams[0].request.projects;
  streams[0].hello({ versions: others, unknown: ['p001'] });
  streams[1].hello();
  streams[2].hello();
  await world.pass(1000);
  for (const { on } of streams) on.event('heartbeat', cadence);
  streams[1].hello();
  await live(world, streams, 400_000);
  assert.deepEqual([world.state.versions.p001, world.state.behind, world.state.interval], [90, 0, 300_000]);
  streams[0].on.event('version', { project: 'p001', version: 91, spread_ms: 0 });
  await world.pass(0);
  assert.equal(world.polls.at(-1).reason, 'news');
});

test('tabs with the same projects share their streams, in whatever order they have them', () => {
  const entries = Object.entries({ ...many(149), ...Object.fromEntries([['__proto__', 7]]) });
  const groups = (list) => page({}, Object.fromEntries(list)).streams.map(({ request }) => Object.keys(request.projects).join());
  assert.deepEqual(groups([...entries.slice(70), ...entries.slice(0, 70)]), groups(entries));
  assert.equal(groups(entries).join().split(',').includes('__proto__'), true);
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
  const { streams, transport, world } = page();
  const said = [];
  const own = streams.length;
  transport({ gateway: '', projects: many(130) }, { event: (name, data) => said.push(data), lost() {} });
  streams[own + 2].on.lost(403);
  streams[own].hello({ token_expires_in_s: 900, denied: ['p001'] });
  streams[own + 1].hello({ token_expires_in_s: 60, denied: ['p065'], spread_ms: 5000 });
  assert.deepEqual([said.length, said[0].token_expires_in_s, said[0].denied, said[0].spread_ms], [1, 60, ['p001', 'p065'], 5000]);
  await world.pass(3000);
  assert.equal(said.length, 1, 'nothing is said twice');
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

  const another = transport({ gateway: '', projects: many(130) }, { event: (name) => said.push(name), lost: () => said.push('lost') });
  streams.at(-1).hello();
  another.close();
  await world.pass(1_000_000);
  assert.deepEqual(said, ['hello']);
});

test('it takes the token where the transport does', () => {
  assert.equal(page({ bearer: true }).transport.bearer, true);
  assert.equal(page().transport.bearer, undefined);
});

test('the old name works, and says so once', () => {
  const said = [];
  const { warn } = console;
  console.warn = (text) => said.push(text);
  try {
    const carrier = Object.assign(() => ({ close() {} }), { bearer: true });
    assert.equal(wide(carrier).bearer, true);
    wide();
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(said, ['nudge: wide() is now multi() of @nudge-gateway/nudge/multi. The old name goes with the next version.']);
});

test('a transport that throws for one of the streams is tried again, and the others go on', async () => {
  let wrong = false;
  const { world, streams } = page({}, many(150), (open) => (request, on) => {
    if (wrong && 'p149' in request.projects) throw new Error('no');
    return open(request, on);
  });
  for (const stream of streams) stream.hello();
  await world.pass(1000);
  for (const stream of streams) stream.on.event('heartbeat', cadence);
  wrong = true;
  streams[2].on.event('goodbye', { reason: 'off', after_ms: 0 });
  const [a, b] = streams;
  for (let n = 0; n < 40; n++) await live(world, [a, b], 20_000);
  assert.deepEqual([world.state.stream, world.state.reason, streams.length], ['proven', 'uncovered', 3]);
  assert.deepEqual(world.reported, []);
  wrong = false;
  for (let n = 0; n < 30 && streams.length < 4; n++) await live(world, [a, b], 20_000);
  streams[3].hello();
  await live(world, [a, b], 1000);
  streams[3].on.event('heartbeat', cadence);
  assert.equal(world.state.reason, 'streaming');
});

test('numbers that make no sense make no timer ring at once', async () => {
  const { world, streams } = await pushed();
  for (const heartbeat_ms of [0, -1, 1e15, 'soon', null]) streams[2].on.event('heartbeat', { ...cadence, heartbeat_ms });
  await live(world, [streams[0], streams[1]], 10_000);
  assert.equal(world.state.stream, 'proven');
  streams[2].on.event('goodbye', { reason: 'off', after_ms: 1e15 });
  await live(world, [streams[0], streams[1]], 60_000);
  assert.equal(streams.length, 3);
});
