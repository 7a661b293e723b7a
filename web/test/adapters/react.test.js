import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { act, createElement as h } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { useNudge } from '../../.build/adapters/react.js';
import { World, hello } from '../world.js';

after(() => window.happyDOM.close());

const page = () => document.body.appendChild(document.createElement('main'));

test('a component shows the snapshot, and each change of it', async () => {
  const world = new World();
  world.start();
  const main = page();
  const Shows = () => h('p', null, useNudge(world.nudge).reason);
  const root = createRoot(main);
  await act(() => root.render(h(Shows)));
  assert.equal(main.textContent, 'starting');
  await act(() => world.calm());
  await act(() => world.source.send('hello', hello));
  assert.equal(main.textContent, 'proving');
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
  const main = page();
  const root = createRoot(main);
  await act(() => root.render(h(Mode)));
  await act(() => world.prove());
  assert.equal(main.textContent, 'push');
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
  const Shows = () => h('p', null, useNudge(world.nudge, (s) => s.reason));
  const main = page();
  main.innerHTML = renderToString(h(Shows)); // the instance of a server, were it one
  assert.equal(main.textContent, 'starting');
  await world.prove();
  const mistakes = t.mock.method(console, 'error', () => {}).mock.calls;
  let root;
  await act(() => (root = hydrateRoot(main, h(Shows), { onRecoverableError: (error) => mistakes.push(error) })));
  assert.deepEqual(mistakes, []);
  assert.equal(main.textContent, 'streaming');
  await act(() => root.unmount());
  world.nudge.stop();
});
