// Versions come from databases, some of which give them as text. What can be read exactly counts; anything else is told, and never
// counts as having it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { hello, proven, World } from './world.js';

const WRONG = [null, true, '', ' 5', '5 ', '1e3', '0x10', '-1', -1, 1.5, NaN, Infinity, '12.0', '9007199254740993', 2 ** 53, 10n, [124], { v: 124 }, '１２４', () => 124, Symbol('124')];

test('digits count wherever a version is given', async () => {
  const world = new World();
  world.start({ projects: { 42: '123' } });
  assert.deepEqual(world.state.versions, { 42: 123 });
  assert.match(world.source.url, /project=42@123$/);
  world.nudge.watch({ 7: '3' });
  assert.equal(world.state.versions[7], 3);
  world.nudge.ack('42', '124', '123');
  assert.equal(world.state.versions[42], 124);
  world.poll = () => ({ versions: { 42: '125', 7: '9007199254740991' } });
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.deepEqual(world.state.versions, { 42: 125, 7: 2 ** 53 - 1 });
  await world.pass(100);
  await world.prove({ versions: { 42: '126', 7: '9007199254740991' } });
  assert.deepEqual(world.polls.at(-1).projects[42], { have: 125, want: 126 }, 'a hello');
  world.poll = () => undefined;
  await world.live(30_000);
  world.source.send('version', { project: '42', version: '130', spread_ms: 0 });
  await world.pass(0);
  assert.deepEqual(world.polls.at(-1).projects[42], { have: 126, want: 130 }, 'news');
  assert.deepEqual(world.warned, []);
});

test('the lagging answer of a replica does not end the search for a newer version, as number, digits or nonsense', async () => {
  for (const answered of [123, '123', ...WRONG]) {
    const world = await proven();
    await world.live(20_000);
    const before = world.polls.length;
    let asked = 0;
    world.poll = () => ({ versions: { 42: ++asked < 5 ? answered : '124' } });
    world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
    await world.pass(20_000);
    assert.deepEqual([asked >= 5, world.state.versions[42], world.state.behind], [true, 124, 0], String(answered));
    assert.ok(world.polls.length - before < 8);
    assert.equal(world.warned.length, answered === 123 || answered === '123' ? 0 : 1, world.warned.join());
    if (world.warned.length) assert.match(world.warned[0], /42/);
  }
});

test('what cannot be read counts as unknown in projects, watch and ack, and is told once for each', async () => {
  for (const value of WRONG) {
    const world = new World();
    world.start({ projects: { 42: value } });
    world.nudge.watch({ 42: value });
    await world.prove({ versions: { 42: 123 } });
    await world.pass(1000);
    assert.ok(world.polls.length > 0, `${String(value)}: the first hello brings a poll`);
    world.nudge.ack('42', value, 123);
    assert.equal(world.state.versions[42], 123, String(value));
    assert.equal(world.warned.length, 1, world.warned.join('\n'));
    assert.match(world.warned[0], /project 42/);
  }
});

test('numbers of a gateway that cannot be read are no news', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  for (const version of ['x', '1e9', -1, 1.5, null, {}, [], '99999999999999999999']) {
    world.source.send('version', { project: '42', version, spread_ms: 0 });
    world.source.send('hello', { ...hello, versions: { 42: version, 7: 5 }, unknown: [] });
  }
  await world.pass(5000);
  assert.ok(world.polls.length - before <= 1, 'a project that a hello leaves out is polled at the fast interval');
  assert.equal(world.state.versions[42], 123);
});
