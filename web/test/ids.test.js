// Ids of projects as applications have them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { hello, World } from './world.js';

for (const bad of ['a@b.c', 'gid://app/Project/42', 'größe', 'x'.repeat(129), '', 'a b']) {
  test(`the id ${JSON.stringify(bad).slice(0, 24)} gets no push, and takes it from no other`, async () => {
    const world = new World();
    world.start({ projects: { 42: 123, [bad]: 7 } });
    await world.calm();
    assert.equal(new URL(world.source.url).search, '?project=42@123');
    await world.prove();
    assert.equal(world.state.stream, 'proven');
    assert.equal(world.state.reason, 'uncovered');
    assert.equal(world.state.interval, 10_000, 'it is polled for as without push');
    const [said, ...more] = world.warned;
    assert.deepEqual(more, []);
    assert.ok(said.includes(JSON.stringify(bad).slice(0, 60)), said);
    world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
    await world.pass(500);
    assert.equal(world.polls.at(-1).reason, 'news');
    assert.deepEqual(Object.keys(world.polls.at(-1).projects).sort(), ['42', bad].sort());
    const streams = world.sources.length;
    await world.live(60_000);
    assert.equal(world.sources.length, streams, 'no stream is opened for it again and again');
  });
}

test('a page whose ids are all bad polls, and asks gateways for nothing', async () => {
  const world = new World();
  world.start({ projects: { 'a@b.c': 1 } });
  await world.pass(60_000);
  assert.ok(world.polls.length >= 4);
  assert.deepEqual([world.sources.length, world.requests.length], [0, 0]);
});

test('projects may be a list of ids, or one id: their versions are unknown', async () => {
  for (const projects of [['42', 'a@b.c'], '42', [42], 42]) {
    const world = new World();
    world.start({ projects });
    await world.calm();
    assert.equal(new URL(world.source.url).search, '?project=42@0');
    const undo = world.nudge.watch(['7']);
    await world.prove({ versions: { 42: 123 } });
    await world.pass(1000);
    assert.match(new URL(world.source.url).search, /7@0/);
    undo();
  }
});
