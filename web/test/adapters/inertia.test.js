import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { StrictMode, act, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import { HttpNetworkError, HttpResponseError, http } from '@inertiajs/core';
import { createInertiaApp, router, usePage, usePoll } from '@inertiajs/react';
import { nudgeRouter, nudged } from '../../.build/adapters/inertia.js';
import { page } from './page.js';

after(() => window.happyDOM.close());

const server = { version: 1, asked: [], fails: undefined };
const props = () => ({ component: 'Board', props: { errors: {}, version: server.version }, url: '/', version: '' });
http.setClient({
  async request(config) {
    server.asked.push(config);
    if (server.fails) throw server.fails;
    return { status: 200, headers: { 'x-inertia': 'true' }, data: JSON.stringify(props()) };
  },
});

let polls = {};
function Board() {
  usePoll(polls.ms ?? 5_000, { only: ['version'], ...polls.request }, polls.options);
  return h('p', null, usePage().props.version);
}
const main = document.body.appendChild(document.createElement('main'));

async function application(t, given) {
  const at = await page();
  Object.assign(server, { version: 1, asked: [], fails: undefined });
  polls = { options: nudged('42'), ...given };
  const undo = nudgeRouter(router, at.nudge);
  let root;
  await act(() =>
    createInertiaApp({
      page: props(),
      resolve: () => Board,
      setup({ App, props }) {
        root = createRoot(main);
        root.render(h(StrictMode, null, h(App, props)));
      },
    }),
  );
  await act(() => at.world.calm());
  t.after(async () => {
    await act(() => root.unmount());
    assert.equal(at.loops, 0);
    undo();
    at.nudge.stop();
  });
  return Object.assign(at, {
    text: () => main.textContent,
    waits: (ms) => act(() => at.pass(ms)),
    hears: (id, version) =>
      act(async () => {
        await at.news(id, version);
        for (let i = 0; i < 5; i++) await at.world.calm();
      }),
  });
}

test('a usePoll keeps its pace, and is made at once for news of its project', async (t) => {
  const app = await application(t);
  assert.deepEqual([app.text(), app.loops], ['1', 1]);
  await app.waits(10_500);
  assert.equal(server.asked.length, 2);
  assert.equal(server.asked[0].headers['X-Inertia-Partial-Data'], 'version');
  await act(() => app.push());
  server.asked = [];
  server.version = 2;
  await app.hears('42', 2);
  assert.deepEqual([app.text(), server.asked.length], ['2', 1]);
  await app.hears('7', 2);
  assert.equal(server.asked.length, 1);
});

test('what fails has failed, and shows no dialog', async (t) => {
  const app = await application(t);
  await act(() => app.push());
  server.fails = new HttpResponseError('no', { status: 503, headers: { 'retry-after': '7' }, data: '<p>an error page</p>' });
  await app.hears('42', 2);
  assert.equal(app.world.failed.headers.get('Retry-After'), '7');
  assert.equal(document.querySelector('dialog'), null);
  server.fails = new HttpNetworkError('the network is away');
  app.world.failed = undefined;
  await app.waits(10_000);
  assert.match(String(app.world.failed), /network is away/);
  server.fails = undefined;
  server.version = 3;
  await app.waits(30_000);
  assert.equal(app.text(), '3');
});

test('the callbacks of the application are called', async (t) => {
  const heard = [];
  const app = await application(t, {
    request: { onSuccess: (page) => heard.push(page.props.version), onFinish: () => heard.push('finish') },
  });
  await app.waits(5_500);
  assert.deepEqual(heard, [1, 'finish']);
});

test('other polls are those of Inertia', async (t) => {
  const app = await application(t, { ms: 10, options: {} });
  assert.equal(app.loops, 0);
  await act(async () => {
    while (!server.asked.length) await new Promise(setImmediate);
  });
});
