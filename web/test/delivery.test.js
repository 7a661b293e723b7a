// Changes that come with the news of them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { hello, proven } from './world.js';

const tell = (world, more) => world.source.send('version', { project: '42', version: 124, spread_ms: 0, prev: 123, ...more });

/** A page that applies what it is given, with all that it was given. */
async function applying(more) {
  const applied = [];
  const world = await proven({ apply: ({ project, version, prev, data }) => void applied.push({ project, version, prev, data }), writer: 'me', ...more });
  await world.live(20_000);
  return { world, applied, before: world.polls.length };
}

test('a page exactly at prev applies the change, has the version, and does not poll', async () => {
  const { world, applied, before } = await applying();
  tell(world, { writer: 'other', data: { title: 'x' } });
  assert.deepEqual(applied, [{ project: '42', version: 124, prev: 123, data: { title: 'x' } }]);
  assert.deepEqual([world.state.versions, world.state.behind], [{ 42: 124 }, 0]);
  tell(world, { version: 130, prev: 124, data: 0 });
  await world.pass(5000);
  assert.equal(applied.length, 2);
  assert.equal(world.polls.length, before);
  assert.equal(world.state.interval, 300_000);
});

test('its own change a page has already', async () => {
  const { world, applied, before } = await applying();
  tell(world, { writer: 'me', data: { title: 'x' } });
  await world.pass(5000);
  assert.deepEqual([applied, world.state.versions, world.polls.length], [[], { 42: 124 }, before]);
});

test('anything else is polled for', async () => {
  const data = { title: 'x' };
  for (const [name, more, options] of [
    ['a gap', { version: 126, prev: 125, data }],
    ['an older prev', { prev: 122, data }],
    ['a merge of several: no prev', { prev: undefined, data }],
    ['no data', {}],
    ['null', { data: null }],
    ['a prev of another kind', { prev: 'x', data }],
    ['its own change upon another', { version: 126, prev: 125, writer: 'me' }],
    ['its own change, and where is not said', { prev: undefined, writer: 'me' }],
    ['a reset', { version: 124, data, reset: true }],
    ['nobody applies', { data }, { apply: undefined }],
    ['no tags', { writer: undefined }, { writer: undefined }],
    ['empty tags', { writer: '' }, { writer: '' }],
  ]) {
    const { world, applied, before } = await applying(options);
    tell(world, more);
    await world.pass(1000);
    assert.deepEqual(applied, [], name);
    assert.equal(world.polls.length, before + 1, name);
    assert.equal(world.polls.at(-1).reason, 'news', name);
    assert.equal(world.state.behind, 0, name);
  }
});

test('a page that knows of something newer, or owes a poll, applies nothing', async () => {
  for (const first of [
    (world) => tell(world, { version: 125, prev: 124, spread_ms: 5000 }),
    (world) => world.source.send('hello', { ...hello, versions: {}, unknown: ['42'], spread_ms: 5000 }),
  ]) {
    const { world, applied } = await applying();
    first(world);
    tell(world, { version: 126, data: 1 });
    assert.deepEqual(applied, []);
    await world.pass(6000);
    assert.deepEqual(world.state.versions, { 42: 126 });
  }
});

test('a poll in flight may bring the same change, so it is not applied beside it', async () => {
  const { world, applied } = await applying();
  let keep;
  world.poll = () => new Promise((k) => (keep = k));
  void world.nudge.refresh();
  await world.pass(0);
  tell(world, { data: 1 });
  tell(world, { version: 125, prev: 124, writer: 'me' });
  const before = world.polls.length;
  keep({ versions: { 42: 125 } });
  await world.pass(5000);
  assert.deepEqual([applied, world.state.versions, world.polls.length], [[], { 42: 125 }, before]);
});

test('a page whose apply throws is told, and polls', async () => {
  const mistake = new Error('mine');
  const { world, before } = await applying({ apply() { throw mistake; } });
  tell(world, { data: 1 });
  await world.pass(1000);
  assert.deepEqual(world.reported, [mistake]);
  assert.equal(world.polls.length, before + 1);
  assert.deepEqual(world.state.versions, { 42: 124 });
  assert.equal(world.state.stream, 'proven');
});

test('what apply does to the shim is heard', async () => {
  const calls = [];
  const { world, before } = await applying({
    apply() {
      calls.push(world.state.versions[42]);
      void world.nudge.refresh();
    },
  });
  tell(world, { data: 1 });
  await world.pass(0);
  assert.deepEqual(calls, [123]);
  assert.equal(world.polls.length, before + 1);
  assert.deepEqual(world.polls.at(-1).projects[42], { have: 123, want: 124 }, 'the application has confirmed 123 only');
  const stopping = await applying({ apply: () => stopping.world.nudge.stop() });
  tell(stopping.world, { data: 1 });
  assert.equal(stopping.world.state.mode, 'stopped');
});
