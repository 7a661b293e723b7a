import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { act, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { SWRConfig, useSWRConfig } from 'swr';
import { pollKeys } from '../../.build/adapters/swr.js';

after(() => window.happyDOM.close());

const context = { reason: 'news', projects: { 42: { have: 1, want: 2 } }, signal: new AbortController().signal };
const key = ['/projects', { id: 42 }];

/** An application that shows one key; its server is at `version`, and answers as the test tells it. */
async function application(t, respond = async (version) => ({ version })) {
  const app = { version: 1, fetches: 0 };
  const options = { provider: () => new Map(), refreshInterval: 0, shouldRetryOnError: false };
  const fetcher = () => {
    app.fetches++;
    return respond(app.version);
  };
  function Shows() {
    app.config = useSWRConfig();
    const { data, error } = useSWR(key, fetcher);
    app.data = data;
    return h('p', null, error ? 'failed' : (data?.version ?? 'loading'));
  }
  const main = document.body.appendChild(document.createElement('main'));
  const root = createRoot(main);
  app.text = () => main.textContent;
  app.show = (shown) => act(() => root.render(h(SWRConfig, { value: options }, shown && h(Shows))));
  app.poll = async (versions) => await act(() => pollKeys(app.config, [key], versions)(context));
  await app.show(true);
  t.after(() => act(() => root.unmount()));
  return app;
}

test('a poll fetches the key again, at once, and is over when that is', async (t) => {
  const app = await application(t);
  app.version = 2;
  const result = await app.poll(() => ({ 42: app.data.version })); // within SWR's deduping interval
  assert.deepEqual([app.text(), app.fetches, result], ['2', 2, { versions: { 42: 2 } }]);
});

test('a fetch in flight is not taken for the news', async (t) => {
  const answers = [];
  const app = await application(t, (version) => new Promise((resolve) => answers.push(() => resolve({ version }))));
  app.version = 2; // after the first fetch has left
  const polled = app.poll();
  answers[1]();
  await polled;
  await act(() => answers[0]());
  assert.deepEqual([app.text(), app.fetches], ['2', 2]);
});

test('what the server throws, the poll throws; and it polls on after an error', async (t) => {
  let mistake;
  const app = await application(t, async (version) => {
    if (mistake) throw mistake;
    return { version };
  });
  mistake = new Response('', { status: 503, headers: { 'Retry-After': '7' } });
  await assert.rejects(app.poll(), (error) => error === mistake);
  assert.equal(app.text(), 'failed');
  mistake = undefined;
  app.version = 3;
  await app.poll();
  assert.equal(app.text(), '3');
});

test('the old error of a key that nobody shows fails no poll', async (t) => {
  const app = await application(t, async () => {
    throw new Error('no');
  });
  assert.equal(app.text(), 'failed');
  await app.show(false);
  await app.poll();
  assert.equal(app.fetches, 1);
});
