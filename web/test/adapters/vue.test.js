import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createApp, effectScope, h, nextTick, ref } from 'vue';
import { useEvery, useNudge } from '../../.build/adapters/vue.js';
import { page } from './page.js';
import { World } from '../world.js';

after(() => window.happyDOM.close());

function mount(setup) {
  const main = document.body.appendChild(document.createElement('main'));
  const app = createApp({ setup });
  app.mount(main);
  return { text: () => main.textContent, unmount: () => app.unmount() };
}

test('a component shows the snapshot, and each change of it', async () => {
  const world = new World();
  world.start();
  await world.calm();
  let subscribed = 0;
  const { subscribe } = world.nudge;
  world.nudge.subscribe = (listener) => {
    subscribed++;
    const undo = subscribe(listener);
    return () => (subscribed--, undo());
  };
  const shows = mount(() => {
    const mode = useNudge(world.nudge, (s) => s.mode);
    return () => h('p', mode.value);
  });
  assert.equal(shows.text(), 'poll');
  await world.prove();
  await nextTick();
  assert.equal(shows.text(), 'push');
  assert.equal(subscribed, 1);
  shows.unmount();
  assert.equal(subscribed, 0);
  world.nudge.stop();
});

test('a component polls at the pace of its ref, and while it is mounted', async () => {
  const { nudge, pass, push, news, kill } = await page();
  const ms = ref(5_000);
  let polls = 0;
  const shows = mount(() => {
    useEvery(nudge, ms, () => void polls++, { projects: () => '42' });
    return () => h('p');
  });
  await pass(20_500);
  assert.equal(polls, 4);
  await push();
  polls = 0;
  await news('42', 2);
  assert.equal(polls, 1);
  ms.value = false;
  await nextTick();
  await kill();
  await pass(60_000);
  assert.equal(polls, 1);
  ms.value = 1_000;
  await nextTick();
  await pass(2_500);
  assert.equal(polls, 3);
  shows.unmount();
  await pass(60_000);
  assert.equal(polls, 3);
  nudge.stop();
});

test('an effect scope ends both', async () => {
  const { nudge, pass } = await page();
  let polls = 0;
  const scope = effectScope();
  scope.run(() => useEvery(nudge, 1_000, () => void polls++));
  await pass(1_500);
  scope.stop();
  await pass(60_000);
  assert.equal(polls, 1);
  nudge.stop();
});
