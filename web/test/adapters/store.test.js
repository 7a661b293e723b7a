import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createRoot, from, onCleanup } from 'solid-js/dist/solid.js'; // what browsers get; Node would get the one for servers
import { derived, get } from 'svelte/store';
import { store } from '../../.build/adapters/store.js';
import { World, cadence, hello } from '../world.js';

async function open() {
  const world = new World();
  world.start();
  await world.calm();
  return world;
}

test('in Svelte it is a store', async () => {
  const world = await open();
  const reason = derived(store(world.nudge), (s) => s.reason);
  assert.equal(get(reason), world.state.reason);
  const seen = [];
  const undo = reason.subscribe((value) => seen.push(value));
  await world.prove();
  undo();
  world.nudge.pause();
  assert.deepEqual([seen.at(-1), seen.includes('proving')], ['streaming', true]);
  world.nudge.stop();
});

test('a part of it changes only when that does', async () => {
  const world = await open();
  await world.prove();
  const seen = [];
  const undo = store(world.nudge, (s) => s.mode).subscribe((mode) => seen.push(mode));
  await world.live(60_000);
  assert.deepEqual(seen, ['push']);
  world.source.fail();
  assert.deepEqual(seen, ['push', 'poll']);
  undo();
  world.nudge.stop();
});

test('in Solid it is a signal', async () => {
  const world = await open();
  await createRoot(async (dispose) => {
    const mode = from(store(world.nudge, (s) => s.mode));
    assert.equal(mode(), 'poll');
    await world.prove();
    assert.equal(mode(), 'push');
    dispose();
  });
  world.nudge.stop();
});
