import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { StrictMode, act, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { SWRConfig } from 'swr';
import { json, nudgeConfig, nudged } from '../../.build/adapters/swr.js';
import { page } from './page.js';

after(() => window.happyDOM.close());

/** An application that shows one key; its server is at `version`, and answers as the test tells it. */
async function application(t, { respond = async (version) => ({ version }), pace = { every: 5_000 }, options = {}, config, shown = 1, pushed } = {}) {
  const app = { page: await page(), version: 1, fetches: 0 };
  const value = { provider: () => new Map(), dedupingInterval: 0, ...(config ?? nudgeConfig(app.page.nudge)) };
  function Board({ project = 42, ...more }) {
    const fetcher = () => {
      app.fetches++;
      return respond(app.version);
    };
    const { data, error, mutate } = useSWR(project && `/projects/${project}`, fetcher, { ...options, ...more, ...nudged(project, pace) });
    app.mutate = mutate;
    return h('p', null, error ? 'failed' : (data?.version ?? 'loading'));
  }
  const main = document.body.appendChild(document.createElement('main'));
  const root = createRoot(main);
  app.text = () => main.textContent;
  app.show = (...boards) =>
    act(async () => root.render(h(StrictMode, null, h(SWRConfig, { value }, ...boards.map((props, key) => h(Board, { key, ...props }))))));
  app.pass = (ms) => act(() => app.page.pass(ms));
  await app.show(...Array(shown).fill({}));
  await act(() => app.page.world.calm());
  app.mounted = app.fetches;
  if (pushed) await act(() => app.page.push());
  t.after(async () => {
    await act(() => root.unmount());
    app.page.nudge.stop();
  });
  app.fetches = 0;
  return app;
}

test('a key is polled at its own pace without push, and rarely with it', async (t) => {
  const app = await application(t);
  assert.equal(app.mounted, 1);
  await app.pass(20_500);
  assert.equal(app.fetches, 4);
  await act(() => app.page.push());
  await app.pass(5_000); // until it is known what it has
  app.fetches = 0;
  await app.pass(300_000);
  assert.ok(app.fetches <= 3 && app.fetches >= 2, `${app.fetches} polls`);
});

test('a gateway that is killed does not stop it', async (t) => {
  const app = await application(t, { pushed: true });
  await app.pass(60_000);
  assert.equal(app.fetches, 1);
  await app.page.kill();
  await app.pass(36_000);
  assert.equal(app.fetches, 8);
});

test('news is fetched at once, and only by the key of its project', async (t) => {
  const app = await application(t, { pushed: true });
  app.version = 2;
  await act(() => app.page.news('42', 2));
  assert.deepEqual([app.text(), app.fetches], ['2', 1]);
  await act(() => app.page.news('7', 9));
  assert.equal(app.fetches, 1);
});

test('two components with one key make one poll', async (t) => {
  const app = await application(t, { shown: 2 });
  assert.equal(app.page.loops, 1);
  await app.pass(10_500);
  assert.equal(app.fetches, 2);
});

test('nothing is left running when the last component is gone', async (t) => {
  const app = await application(t, { shown: 2 });
  await app.show({});
  assert.equal(app.page.loops, 1);
  await app.show({ project: null });
  assert.equal(app.page.loops, 0);
  await app.show({});
  assert.equal(app.page.loops, 1);
  await app.show();
  assert.equal(app.page.loops, 0);
});

test('another project is another poll', async (t) => {
  const app = await application(t, { pushed: true });
  await app.show({ project: 7 });
  await app.pass(1_000);
  app.fetches = 0;
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 0);
  await act(() => app.page.news('7', 2));
  assert.equal(app.fetches, 1);
});

test('polls end when the function says so', async (t) => {
  const app = await application(t, { pace: { every: (data) => (data?.version > 2 ? 0 : 2_000) } });
  await app.pass(4_500);
  assert.equal(app.fetches, 2);
  app.version = 3;
  await app.pass(60_000);
  assert.deepEqual([app.text(), app.fetches, app.page.loops], ['3', 3, 0]);
});

test('a fetch in flight is not taken for the news', async (t) => {
  const answers = [];
  const app = await application(t, { pushed: true, respond: (version) => new Promise((resolve) => answers.push(() => resolve({ version }))) });
  app.version = 2; // after the first fetch has left
  await act(() => app.page.news('42', 2));
  await act(async () => answers[1]());
  await act(async () => answers[0]());
  assert.deepEqual([app.text(), app.fetches], ['2', 1]);
});

test('news of what the key has already costs no request, if the data tells its version', async (t) => {
  const app = await application(t, { pushed: true, pace: { every: 5_000, versions: (data) => data && { 42: data.version } } });
  app.version = 2;
  await act(() => app.mutate()); // as after a change of the page
  assert.equal(app.fetches, 1);
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 1);
});

test('a return to the page fetches once', async (t) => {
  const app = await application(t, { options: { focusThrottleInterval: 0 } });
  app.page.world.document.show('hidden');
  await app.pass(40_000);
  app.fetches = 0;
  app.page.world.document.show('visible');
  await act(async () => {
    window.dispatchEvent(new window.Event('focus'));
    while (!app.fetches) await new Promise(setImmediate);
  });
  await app.pass(2_000);
  assert.equal(app.fetches, 1);
});

test('offline and hidden it is not polled, but for news', async (t) => {
  const app = await application(t, { options: { isOnline: () => online, isVisible: () => visible } });
  let online = true;
  let visible = false;
  await app.pass(20_500);
  assert.equal(app.fetches, 0);
  await act(() => app.page.push());
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 1);
  await app.page.kill();
  visible = true;
  online = false;
  await app.pass(5_500);
  assert.equal(app.fetches, 1);
  assert.match(String(app.page.world.failed), /offline/);
});

test('after an error SWR tries again by itself, or else Nudge does', async (t) => {
  for (const shouldRetryOnError of [true, false]) {
    let mistake = new Response('', { status: 503, headers: { 'Retry-After': '7' } });
    const app = await application(t, {
      pushed: false,
      options: { shouldRetryOnError, onErrorRetry() {} },
      respond: async (version) => {
        if (mistake) throw mistake;
        return { version };
      },
    });
    assert.equal(app.text(), 'failed');
    await app.pass(5_500);
    assert.equal(app.fetches, shouldRetryOnError ? 0 : 1);
    assert.equal(app.page.world.failed, shouldRetryOnError ? undefined : mistake);
    mistake = undefined;
    if (shouldRetryOnError) await act(() => app.mutate()); // as SWR does
    app.fetches = 0;
    await app.pass(20_000);
    assert.equal(app.text(), '1');
    assert.ok(app.fetches > 1);
  }
});

test('json reads an answer, throws that of an error, and passes on the headers', async (t) => {
  let response = () => Response.json({ version: 5 }, { headers: { 'X-Poll-Interval': '60' } });
  const app = await application(t, { pushed: true, respond: json(async () => response()) });
  assert.equal(app.text(), '5');
  await act(() => app.page.news('42', 2));
  assert.equal(app.page.world.answers.at(-1).headers.get('X-Poll-Interval'), '60');
  response = () => new Response('', { status: 503, headers: { 'Retry-After': '7' } });
  await act(() => app.page.news('42', 3));
  assert.equal(app.page.world.failed.headers.get('Retry-After'), '7');
});

test('without Nudge around it, SWR polls by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const app = await application(t, { config: {} });
  await act(async () => t.mock.timers.tick(5_000));
  assert.deepEqual([app.fetches, app.page.loops], [1, 0]);
  const other = await application(t);
  await act(async () => t.mock.timers.tick(5_000));
  assert.deepEqual([other.fetches, other.page.loops], [0, 1]);
});
