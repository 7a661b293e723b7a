import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { StrictMode, act, createElement as h } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { useEvery, useNudge } from '../../.build/adapters/react.js';
import { World, hello } from '../world.js';
import { page } from './page.js';

after(() => window.happyDOM.close());

const main = () => document.body.appendChild(document.createElement('main'));

test('a component shows the snapshot, and each change of it', async () => {
  const world = new World();
  world.start();
  const place = main();
  const Shows = () => h('p', null, useNudge(world.nudge).reason);
  const root = createRoot(place);
  await act(() => root.render(h(Shows)));
  assert.equal(place.textContent, 'starting');
  await act(() => world.calm());
  await act(() => world.source.send('hello', hello));
  assert.equal(place.textContent, 'proving');
  await act(() => root.unmount());
  assert.equal(world.nudge.getSnapshot().reason, 'proving'); // a component takes nothing with it
  world.nudge.stop();
});

test('with a selection it renders only when that changes', async () => {
  const world = new World();
  world.start();
  let renders = 0;
  const Mode = () => {
    renders++;
    return h('p', null, useNudge(world.nudge, (s) => s.mode));
  };
  const place = main();
  const root = createRoot(place);
  await act(() => root.render(h(Mode)));
  await act(() => world.prove());
  assert.equal(place.textContent, 'push');
  const before = renders;
  const events = world.state.stats.events;
  await act(() => world.live(60_000));
  assert.ok(world.state.stats.events > events);
  assert.equal(renders, before);
  await act(() => root.unmount());
  world.nudge.stop();
});

test('hydration begins with what the server said, though much may have happened', async (t) => {
  const world = new World();
  world.start();
  await world.prove();
  const Shows = () => h('p', null, useNudge(world.nudge, (s) => s.reason));
  const place = main();
  place.innerHTML = '<p>starting</p>'; // by the instance of a server
  assert.equal(renderToString(h(Shows)), place.innerHTML);
  const mistakes = t.mock.method(console, 'error', () => {}).mock.calls;
  let root;
  await act(() => (root = hydrateRoot(place, h(Shows), { onRecoverableError: (error) => mistakes.push(error) })));
  assert.deepEqual(mistakes, []);
  assert.equal(place.textContent, 'streaming');
  await act(() => root.unmount());
  world.nudge.stop();
});

test('a component polls while it is mounted, with the newest function, once in StrictMode', async () => {
  const at = await page();
  const calls = [];
  const Polls = ({ ms, name, version }) => {
    useEvery(at.nudge, ms, () => void calls.push(name), { projects: { 42: version } });
    return null;
  };
  const root = createRoot(main());
  const show = (props) => act(() => root.render(props && h(StrictMode, null, h(Polls, props))));
  await show({ ms: 5_000, name: 'a', version: 1 });
  assert.equal(at.loops, 1);
  await at.pass(10_500);
  await show({ ms: 5_000, name: 'b', version: 2 }); // in the same wait
  await at.pass(4_750);
  assert.deepEqual(calls, ['a', 'a', 'b']);
  await at.push();
  calls.length = 0;
  await at.news('42', 3);
  await at.news('7', 3);
  assert.deepEqual(calls, ['b']);
  await show({ ms: false, name: 'b', version: 3 });
  assert.equal(at.loops, 0);
  await at.kill();
  await show({ ms: 1_000, name: 'c', version: 3 });
  await at.pass(1_500);
  assert.equal(calls.at(-1), 'c');
  await show(null);
  assert.equal(at.loops, 0);
  await act(() => root.unmount());
  at.nudge.stop();
});
