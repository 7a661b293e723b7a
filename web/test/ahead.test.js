// A gateway that names a version which the application does not have: somebody published a number that was made up. The page
// says so, and does not poll fast for ever.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, hello, proven, World } from './world.js';

const reports = (world) => world.requests.filter((r) => r.path === '/missed').map((r) => ({ at: r.at, ...JSON.parse(r.init.body) }));

/** A page on a proven stream whose application is at 123, where 125 is announced. */
async function ahead(options) {
  const world = await proven(options);
  await world.live(20_000);
  world.poll = () => ({ versions: { 42: 123 } });
  world.source.send('version', { project: '42', version: 125, spread_ms: 0 });
  await world.pass(0);
  return world;
}

test('after 8 answers without it the page says so, once, and polls ever more rarely', async () => {
  const world = await ahead();
  const first = world.polls.length;
  assert.deepEqual([world.state.ahead, world.state.reason, world.state.behind], [[], 'streaming', 1]);
  await world.live(60_000);
  assert.deepEqual([world.state.ahead, world.state.reason, world.state.mode], [['42'], 'ahead', 'push']);
  assert.deepEqual(reports(world).map(({ at, ...report }) => report), [{ kind: 'ahead', project: '42', version: 123, named: 125 }]);
  await world.live(3_600_000);
  const gaps = world.polls.slice(first - 1).map((poll, i, all) => (i ? poll.at - all[i - 1].at : 0)).slice(1);
  const slow = gaps.slice(-8);
  assert.ok(Math.min(...slow) >= 240_000, `the last waits are ${slow}`);
  assert.ok(world.polls.length - first < 30, `${world.polls.length - first} polls in an hour`);
  assert.equal(world.state.interval, 300_000);
  assert.ok(reports(world).length > 1, 'it goes on being reported');
  reports(world).slice(1).forEach(({ at }, i) => assert.ok(at - reports(world)[i].at >= 300_000, 'at most every five minutes'));
});

test('each of several projects is told of, and reported once in five minutes', async () => {
  const world = new World();
  world.start({ projects: { 42: 123, 7: 3, 8: 1 } });
  await world.prove({ versions: { 42: 123, 7: 3, 8: 1 } });
  await world.live(20_000);
  world.poll = () => ({ versions: { 42: 123, 7: 3, 8: 1 } });
  world.source.send('version', { project: '42', version: 200, spread_ms: 0 });
  await world.live(100_000);
  world.source.send('version', { project: '7', version: 200, spread_ms: 0 });
  await world.live(250_000);
  assert.deepEqual(world.state.ahead, ['7', '42']);
  const by = (project) => reports(world).filter((report) => report.project === project).length;
  assert.deepEqual([by('8'), by('42') >= 1, by('7') >= 1, by('42') + by('7') < 6], [0, true, true, true]);
});

test('when the application has it, the page has it with its next poll, and all is as before', async () => {
  for (const how of ['refresh', 'news', 'interval']) {
    const world = await ahead();
    await world.live(600_000);
    assert.equal(world.state.reason, 'ahead');
    world.poll = () => ({ versions: { 42: 126 } });
    if (how === 'refresh') world.nudge.refresh();
    if (how === 'news') world.source.send('version', { project: '42', version: 126, spread_ms: 0 });
    if (how === 'interval') await world.live(380_000);
    await world.pass(1000); // news is polled for a second after the last time
    assert.deepEqual([world.state.versions, world.state.ahead, world.state.reason, world.state.behind], [{ 42: 126 }, [], 'streaming', 0], how);
    world.poll = new World().poll;
    const before = world.polls.length;
    world.source.send('version', { project: '42', version: 127, spread_ms: 0 });
    await world.pass(1000);
    assert.deepEqual([world.polls.length, world.state.versions[42]], [before + 1, 127], how);
  }
});

test('news of another project is as fast as ever, and so is a newer number of this one', async () => {
  const world = new World();
  world.start({ projects: { 42: 123, 7: 3 } });
  await world.prove({ versions: { 42: 123, 7: 3 } });
  await world.live(20_000);
  let has = 3;
  world.poll = () => ({ versions: { 42: 123, 7: has } });
  world.source.send('version', { project: '42', version: 125, spread_ms: 0 });
  await world.live(900_000);
  assert.equal(world.state.reason, 'ahead');
  has = 4;
  world.source.send('version', { project: '7', version: 4, spread_ms: 0 });
  await world.pass(0);
  assert.equal(world.state.versions[7], 4);
  await world.pass(1000);
  const before = world.polls.length;
  world.source.send('version', { project: '42', version: 126, spread_ms: 0 });
  await world.pass(0);
  assert.ok(world.polls.length > before);
});

test('a gateway that takes the number back ends it', async () => {
  const world = await ahead();
  await world.live(600_000);
  world.source.send('version', { project: '42', version: 123, spread_ms: 0, reset: true });
  await world.pass(2000);
  assert.deepEqual([world.state.ahead, world.state.reason, world.state.behind], [[], 'streaming', 0]);
});

test('a page whose hello names such a version is no faster than one that had it as news', async () => {
  const world = new World();
  world.poll = () => ({ versions: { 42: 123 } });
  world.start();
  await world.prove({ versions: { 42: 900 } });
  await world.live(3_600_000);
  assert.equal(world.state.reason, 'ahead');
  assert.ok(world.polls.length < 35, `${world.polls.length} polls in an hour`);
  world.source.send('hello', { ...hello, versions: { 42: 900 } });
  const before = world.polls.length;
  await world.live(300_000, cadence);
  assert.ok(world.polls.length - before < 8, `${world.polls.length - before} polls after another hello`);
});

test('without push its pace is the fast one: what the gateway says is not trusted then', async () => {
  const world = await ahead();
  await world.live(600_000);
  world.routes['/poll-interval'] = () => Promise.reject(new TypeError('unreachable'));
  world.source.fail();
  await world.pass(1000);
  assert.deepEqual([world.state.interval, world.state.reason], [10_000, 'lost']);
});
