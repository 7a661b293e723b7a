import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, hello, proven, World } from './world.js';

/** What was reported to the gateway. */
const reports = (world) => world.requests.filter((r) => r.path === '/missed').map((r) => JSON.parse(r.init.body));

/** Makes the next safety poll find these versions, and waits for it. */
async function finds(world, versions, said = cadence) {
  world.poll = () => ({ versions });
  world.source.send('heartbeat', said);
  while (world.state.nextPollAt - world.now > 20_000) await world.live(20_000, said);
  await world.pass(world.state.nextPollAt - world.now);
}

/** A page whose next poll is a safety poll of a stream that was proven long ago. */
async function safe(options) {
  const world = await proven(options);
  await world.live(20_000);
  return world;
}

test('a safety poll that finds what was not announced is reported, once, after the grace', async () => {
  const world = await safe();
  await finds(world, { 42: 125 });
  assert.equal(world.polls.at(-1).reason, 'interval');
  await world.pass(1999);
  assert.deepEqual(reports(world), []);
  await world.pass(2001);
  assert.deepEqual(reports(world), [{ project: '42', version: 125 }]);
  const { init } = world.requests.find((r) => r.path === '/missed');
  assert.equal(init.method, 'POST');
  assert.equal(init.credentials, 'include');
  await finds(world, { 42: 125 });
  await world.pass(5000);
  assert.equal(reports(world).length, 1, 'the same version, found again');
});

test('a version that is announced within the grace was not missed', async () => {
  for (const announce of [
    (world) => world.source.send('version', { project: '42', version: 125, spread_ms: 0 }),
    (world) => world.source.send('version', { project: '42', version: 130, spread_ms: 0 }),
    (world) => world.source.send('hello', { ...hello, versions: { 42: 125 } }),
    (world) => world.source.send('hello', { ...hello, versions: {}, waiting: ['42'] }),
  ]) {
    const world = await safe();
    await finds(world, { 42: 125 });
    await world.pass(1500);
    announce(world);
    await world.pass(10_000);
    assert.deepEqual(reports(world), []);
  }
});

const down = { ...cadence, push: 'down', poll_ms: 10_000 };

test('what is reported says only what happened on a proven stream', async () => {
  for (const [name, spoil] of Object.entries({
    'the stream broke': (world) => world.source.fail(),
    'the gateway said goodbye': (world) => world.source.send('goodbye', { reason: 'drain', after_ms: 1000, spread_ms: 0 }),
    'push is down': (world) => (world.source.send('heartbeat', down), down),
    'the page was left': (world) => world.window.emit('pagehide'),
    stopped: (world) => world.nudge.stop(),
  })) {
    for (const before of [true, false]) {
      const world = await safe();
      const said = before ? spoil(world) : undefined;
      if (world.state.mode !== 'stopped') await finds(world, { 42: 125 }, said);
      if (!before) spoil(world);
      await world.pass(10_000);
      assert.deepEqual(reports(world), [], `${name} ${before ? 'before' : 'after'} the poll`);
    }
  }
});

test('a poll that began before the stream was proven audits nothing', async () => {
  const world = new World();
  let keep;
  world.poll = () => new Promise((k) => (keep = k));
  world.start();
  await world.calm();
  await world.pass(9900); // connecting, and about to be given up
  world.sources.forEach((s) => s.send('hello', { ...hello, versions: {}, unknown: [] }));
  while (!keep) await world.pass(100);
  await world.pass(600);
  world.source.send('hello', hello);
  await world.pass(1000);
  world.source.send('heartbeat', cadence);
  keep({ versions: { 42: 125 } });
  await world.pass(10_000);
  assert.deepEqual(reports(world), []);
});

test('only safety polls audit', async () => {
  for (const act of [
    (world) => void world.nudge.refresh(),
    (world) => world.window.emit('online'),
    (world) => world.source.send('version', { project: '42', version: 124, spread_ms: 0 }),
  ]) {
    const world = await safe();
    world.poll = () => ({ versions: { 42: 125 } });
    act(world);
    await world.pass(1000);
    assert.equal(world.state.versions[42], 125);
    assert.notEqual(world.polls.at(-1).reason, 'interval');
    await world.pass(3000);
    assert.deepEqual(reports(world), []);
  }
});

test('a step back is no missed news, and neither is what the page made itself', async () => {
  const lower = await safe();
  lower.source.send('hello', { ...hello, versions: {}, unknown: ['42'] });
  await lower.pass(2000);
  await lower.live(20_000);
  await finds(lower, { 42: 100 });
  await lower.pass(10_000);
  assert.equal(lower.state.versions[42], 100);
  assert.deepEqual(reports(lower), []);

  const own = await safe();
  own.nudge.ack('42', 125);
  assert.equal(own.state.versions[42], 123, 'what came before it is not known');
  await finds(own, { 42: 125 });
  await own.pass(10_000);
  assert.deepEqual(reports(own), []);
  await finds(own, { 42: 126 });
  await own.pass(10_000);
  assert.equal(reports(own).length, 1);
});

test('a page reports once in five minutes, all that one poll found', async () => {
  const world = await safe({ projects: { 42: 123, 7: 1 } });
  world.source.send('hello', { ...hello, versions: { 42: 123, 7: 1 } });
  await world.pass(2000);
  await finds(world, { 42: 125, 7: 2 });
  await world.pass(4000);
  assert.deepEqual(reports(world).map((r) => r.project).sort(), ['42', '7']);
  const degraded = { ...cadence, push: 'degraded', poll_ms: 15_000 };
  world.source.send('heartbeat', degraded);
  for (let v = 126; v < 136; v++) await finds(world, { 42: v, 7: 2 }, degraded);
  await world.pass(4000);
  assert.equal(reports(world).length, 2, 'within five minutes');
  for (let v = 136; reports(world).length === 2 && v < 160; v++) await finds(world, { 42: v, 7: 2 }, degraded);
  assert.equal(reports(world).length, 3, 'after them');
});

test('a gateway that does not take the report changes nothing', async () => {
  for (const route of [() => { throw new Error('down'); }, () => new Promise(() => {})]) {
    const world = await safe();
    world.routes['/missed'] = route;
    await finds(world, { 42: 125 });
    await world.pass(10_000);
    assert.equal(reports(world).length, 1);
    assert.equal(world.state.reason, 'streaming');
    assert.deepEqual(world.reported, []);
  }
});

test('ack: a page exactly at prev has the version, and polls neither for it nor for its news', async () => {
  const world = await safe();
  const before = world.polls.length;
  world.nudge.ack('42', 124, 123);
  assert.deepEqual(world.state.versions, { 42: 124 });
  world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  await world.pass(2000);
  assert.equal(world.polls.length, before);
  world.nudge.ack('42', 130, 129);
  assert.deepEqual(world.state.versions, { 42: 124 }, 'others changed it in between');
  for (const odd of [['7', 1, 0], ['42', NaN, 124], ['42', '1e3', 124], [undefined], ['__proto__', 1]]) world.nudge.ack(...odd);
  assert.deepEqual(world.state.versions, { 42: 124 });
});
