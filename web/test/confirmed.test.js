// What came by push is shown, and what the application answered is confirmed. Polls ask since the second: so a wrong delivery is
// found by the next poll, reported, and the last one that the page takes.

import assert from 'node:assert/strict';
import test from 'node:test';
import { proven } from './world.js';

const reports = (world) => world.requests.filter((r) => r.path === '/missed').map((r) => JSON.parse(r.init.body));
const deliver = (world, version, prev, data = 'x') => world.source.send('version', { project: '42', version, prev, data, spread_ms: 0 });

async function applying(options) {
  const applied = [];
  const world = await proven({ apply: ({ version }) => void applied.push(version), ...options });
  await world.live(20_000);
  return { world, applied };
}

/** The next poll that only its interval causes. */
async function safety(world) {
  const before = world.polls.length;
  while (world.polls.length === before) await world.live(20_000);
  return world.polls[before];
}

test('every poll asks since what the application confirmed, whatever was applied since', async () => {
  const { world, applied } = await applying();
  deliver(world, 124, 123);
  deliver(world, 125, 124);
  assert.deepEqual([applied, world.state.versions], [[124, 125], { 42: 125 }]);
  const poll = await safety(world);
  assert.deepEqual([poll.reason, poll.projects], ['interval', { 42: { have: 123, want: 125 } }]);
  assert.deepEqual((await safety(world)).projects, { 42: { have: 125 } }, 'then it is confirmed');
  deliver(world, 126, 125);
  world.source.send('version', { project: '42', version: 130, spread_ms: 0 });
  await world.pass(0);
  assert.deepEqual(world.polls.at(-1).projects, { 42: { have: 125, want: 130 } });
  assert.deepEqual(reports(world), []);
});

test('a poll that fails confirms nothing', async () => {
  const { world } = await applying();
  deliver(world, 124, 123);
  world.poll = () => Promise.reject(new Error('no'));
  await safety(world);
  assert.deepEqual(world.state.versions, { 42: 124 });
  world.poll = () => ({ versions: { 42: 124 } });
  await world.live(60_000);
  assert.deepEqual(world.polls.at(-1).projects, { 42: { have: 123, want: 124 } });
});

test('what the application finds different is reported, and no more data is taken', async () => {
  const { world, applied } = await applying();
  deliver(world, 124, 123, 'wrong');
  world.poll = () => ({ versions: { 42: 124 }, differs: ['42'] });
  await safety(world);
  assert.deepEqual(reports(world), [{ kind: 'data', project: '42', version: 124 }]);
  world.poll = () => undefined;
  const before = world.polls.length;
  deliver(world, 125, 124);
  await world.pass(0);
  assert.deepEqual([applied, world.polls.length - before, world.state.versions], [[124], 1, { 42: 125 }], 'it is polled for');
  assert.equal(world.state.mode, 'push', 'push itself is fine');
});

test('a delivery that the application never confirms is taken back and reported', async () => {
  const { world, applied } = await applying();
  deliver(world, 124, 123, 'made up');
  world.poll = () => ({ versions: { 42: 123 } });
  const poll = await safety(world);
  assert.deepEqual(poll.projects, { 42: { have: 123, want: 124 } });
  await world.live(60_000);
  assert.deepEqual(world.state.versions, { 42: 123 });
  assert.deepEqual(reports(world).filter(({ kind }) => kind === 'data'), [{ kind: 'data', project: '42', version: 123 }]);
  deliver(world, 124, 123);
  assert.deepEqual(applied, [124], 'no more data is taken');
});

test('an apply that gives a promise which is rejected is made up for by a poll', async () => {
  const { world } = await applying({ apply: async () => { throw new Error('mine'); } });
  const before = world.polls.length;
  deliver(world, 124, 123);
  await world.pass(1000);
  assert.deepEqual([world.polls.length - before, world.polls.at(-1).projects, world.reported.length], [1, { 42: { have: 123, want: 124 } }, 1]);
});

test('what poll throws is in the event and in the snapshot, and each kind is told once', async () => {
  const world = await proven();
  const heard = [];
  world.nudge.addEventListener('poll', ({ detail }) => heard.push(detail));
  const thrown = [new TypeError('x is undefined'), new TypeError('x is undefined'), new RangeError('other'), 'text', NaN];
  for (const error of thrown) {
    world.poll = () => { throw error; };
    await Promise.all([world.nudge.refresh(), world.pass(0)]);
    assert.ok(Object.is(world.state.error, error));
  }
  assert.deepEqual(heard.map(({ failed, error }) => [failed, error]), thrown.map((error) => [true, error]));
  assert.deepEqual(world.warned.map((text) => /x is undefined|other|text/.exec(text)?.[0]), ['x is undefined', 'other', 'text']);
  world.poll = () => { throw new Response(null, { status: 503 }); };
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.equal(world.warned.length, 3, 'an answer with an error status is no mistake of the page');
  world.poll = () => undefined;
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.deepEqual([world.state.error, 'error' in heard.at(-1)], [null, false]);
  const snapshot = world.state;
  world.document.emit('visibilitychange');
  assert.equal(world.state, snapshot);
});
