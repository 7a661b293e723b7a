// Polls with an interval of their own, which begin and end with the components of a page.

import assert from 'node:assert/strict';
import test from 'node:test';
import { page } from './adapters/page.js';
import { World } from './world.js';

/** Begins a poll that notes why it was made, and when. */
function polls(at, ms, options, answer = () => {}) {
  const made = [];
  made.end = at.nudge.every(
    ms,
    (context) => {
      made.push({ at: at.world.now, ...context });
      return answer(context);
    },
    options,
  );
  made.reasons = () => made.map(({ reason }) => reason);
  return made;
}

test('each keeps its own interval without push, and stretches it by the same factor with it', async () => {
  const at = await page();
  const board = polls(at, 5_000, { projects: { 42: 1 } });
  const badge = polls(at, 30_000, { projects: { 7: 1 } });
  await at.pass(60_000);
  assert.deepEqual([board.length, badge.length], [12, 2]);
  await at.push();
  await at.pass(60_000); // what was left to wait is drawn again
  board.length = badge.length = 0;
  await at.pass(600_000);
  assert.deepEqual([board.length, badge.length <= 1], [4, true]);
  at.nudge.stop();
});

test('news runs those of its project, at once', async () => {
  const at = await page();
  const [one, two, none] = [polls(at, 60_000, { projects: { 42: 1 } }), polls(at, 60_000, { projects: ['7'] }), polls(at, 60_000)];
  await at.push();
  one.length = two.length = none.length = 0;
  await at.news('42', 2);
  assert.deepEqual([one.reasons(), two.length, none.length], [['news'], 0, 0]);
  assert.deepEqual(one[0].projects, { 42: { have: 1, want: 2 } });
  await at.news('7', 5);
  assert.deepEqual([one.length, two.reasons(), none.length], [1, ['news'], 0]);
  at.nudge.stop();
});

test('of ids alone the version is unknown: it is found out by the next poll, which comes in its own time', async () => {
  const at = await page({ gateway: true });
  const made = polls(at, 20_000, { projects: 42 });
  await at.pass(19_000); // the hello has named a version meanwhile, and the stream is proven
  assert.equal(made.length, 0);
  await at.pass(2_000);
  assert.deepEqual(made.reasons(), ['interval']);
  await at.pass(60_000);
  assert.equal(made.length, 1); // from here on it is rare
  await at.news('42', 2);
  assert.deepEqual(made[1].projects, { 42: { have: 1, want: 2 } });
  at.nudge.stop();
});

test('news of a project whose version is unknown is polled for', async () => {
  const at = await page({ gateway: true });
  const made = polls(at, 20_000, { projects: [42] });
  await at.pass(5_000);
  await at.news('42', 2);
  assert.deepEqual(made.reasons(), ['news']);
  assert.deepEqual(made[0].projects, { 42: { have: 0, want: 2 } });
  at.nudge.stop();
});

test('news that comes during the first poll is not taken for polled', async () => {
  const at = await page({ gateway: true });
  const answers = [];
  const made = polls(at, 5_000, { projects: '42' }, () => new Promise((answer) => answers.push(answer)));
  await at.pass(5_500);
  await at.news('42', 2);
  answers[0]();
  await at.pass(2_000);
  assert.deepEqual(made.reasons(), ['interval', 'news']);
  at.nudge.stop();
});

test('a poll that ends and begins again, as in StrictMode, opens no other stream', async () => {
  const at = await page();
  let made = polls(at, 5_000, { projects: '42' });
  await at.push();
  const streams = at.world.sources.length;
  for (const rest of [0, 1_000]) {
    made.end();
    await at.pass(rest);
    made = polls(at, 5_000, { projects: '42' });
    await at.pass(10_000);
  }
  await at.news('42', 2);
  const another = polls(at, 5_000, { projects: { 42: 1 } }); // it was rendered before that
  await at.pass(2_000);
  assert.deepEqual(another[0].projects, { 42: { have: 1, want: 2 } });
  assert.equal(at.world.sources.length, streams);
  await at.news('42', 3);
  assert.deepEqual([made.at(-1).reason, another.at(-1).reason], ['news', 'news']);
  at.nudge.stop();
});

test('what the last stream served is forgotten when another one is opened without it', async () => {
  const at = await page({ gateway: true });
  const [one, two] = [polls(at, 60_000, { projects: '42' }), polls(at, 60_000, { projects: '7' })];
  await at.push();
  two.end();
  polls(at, 60_000, { projects: '8' });
  await at.world.pass(60); // the new stream has been asked for, and has not said hello
  const again = polls(at, 60_000, { projects: '7' });
  await at.pass(5_000);
  again.length = one.length = 0;
  await at.news('7', 2);
  assert.deepEqual([again.reasons(), one.length], [['news'], 0]);
  at.nudge.stop();
});

test('when the last one has ended nothing is left running; then the next one begins as the first', async () => {
  const at = await page();
  const made = polls(at, 5_000, { projects: '42' });
  await at.push();
  made.end();
  await at.pass(10_000);
  const { sources, requests } = at.world;
  assert.ok(sources.every((source) => source.closed));
  assert.equal(at.world.timers, 0);
  const before = [sources.length, requests.length];
  await at.pass(600_000);
  assert.deepEqual([sources.length, requests.length], before);
  polls(at, 5_000, { projects: '42' });
  await at.pass(5_000);
  assert.equal(at.nudge.getSnapshot().stream, 'proven');
  at.nudge.stop();
});

test('a page that was paused or away before its first project has its stream with it', async () => {
  for (const absence of [(world) => (world.nudge.pause(), world.nudge.resume()), (world) => (world.window.emit('pagehide'), world.window.emit('pageshow', { persisted: true }))]) {
    const world = new World();
    world.start({ projects: {}, poll: undefined });
    await world.calm();
    absence(world);
    await world.pass(2_000);
    world.nudge.every(5_000, () => {}, { projects: '42' });
    await world.pass(2_000);
    assert.equal(world.sources.length, 1);
    world.nudge.stop();
  }
});
