import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { StrictMode, act, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClient, QueryClientProvider, focusManager, notifyManager, onlineManager, useQuery } from '@tanstack/react-query';
import { json, nudgeClient, nudged } from '../../.build/adapters/tanstack-query.js';
import { page } from './page.js';

after(() => window.happyDOM.close());
notifyManager.setScheduler(queueMicrotask); // instead of a timeout

/** An application that shows one query, as often as `shown` says; its server is at `version`, and answers as the test tells it. */
async function application(t, { respond = async (version) => ({ version }), pace = { every: 5_000 }, options = {}, shown = 1, pushed } = {}) {
  const app = { page: await page(), version: 1, fetches: 0, aborted: 0, client: new QueryClient({ defaultOptions: { queries: { retry: false } } }) };
  app.undo = nudgeClient(app.client, app.page.nudge);
  function Board({ project = 42, ...more }) {
    const { data, error } = useQuery({
      queryKey: ['project', project],
      queryFn({ signal }) {
        app.fetches++;
        signal.addEventListener('abort', () => app.aborted++);
        return respond(app.version, signal);
      },
      ...options,
      ...more,
      ...nudged(project, more.pace ?? pace),
    });
    return h('p', null, error ? 'failed' : (data?.version ?? 'loading'));
  }
  const main = document.body.appendChild(document.createElement('main'));
  const root = createRoot(main);
  app.text = () => main.textContent;
  app.show = (...boards) =>
    act(async () => {
      root.render(h(StrictMode, null, h(QueryClientProvider, { client: app.client }, ...boards.map((props, key) => h(Board, { key, ...props })))));
    });
  app.pass = (ms) => act(() => app.page.pass(ms));
  app.settle = () => act(async () => { while (app.client.isFetching()) await new Promise(setImmediate); });
  await app.show(...Array(shown).fill({}));
  await act(() => app.page.world.calm());
  if (pushed) await act(() => app.page.push());
  t.after(async () => {
    await act(() => root.unmount());
    app.undo();
    app.client.clear();
    app.page.nudge.stop();
    focusManager.setFocused(undefined);
    onlineManager.setOnline(true);
  });
  // StrictMode fetches again because the first use of the signal has ended. From here on it counts.
  app.fetches = app.aborted = 0;
  return app;
}

test('a query is polled at its own pace without push, and rarely with it', async (t) => {
  const app = await application(t);
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

test('news is fetched at once, and only by the query of its project', async (t) => {
  const app = await application(t, { pushed: true });
  app.version = 2;
  await act(() => app.page.news('42', 2));
  assert.deepEqual([app.text(), app.fetches], ['2', 1]);
  await act(() => app.page.news('7', 9));
  assert.equal(app.fetches, 1);
});

test('nothing is fetched that would not be without it when a component is mounted', async (t) => {
  const app = await application(t);
  const mount = async () => {
    await app.show();
    app.client.clear();
    app.fetches = 0;
    await app.show({});
    await act(() => app.page.world.calm());
    return app.fetches;
  };
  const nudged = await mount();
  app.undo();
  assert.equal(nudged, await mount());
});

test('a fetch of the page that fails is repeated after the interval of the query', async (t) => {
  let mistake;
  const app = await application(t, {
    respond: async (version) => {
      if (mistake) throw mistake;
      return { version };
    },
    pushed: true,
  });
  await app.pass(10_000);
  app.fetches = 0;
  mistake = new Error('no');
  await act(() => app.client.refetchQueries({ queryKey: ['project', 42] }));
  assert.deepEqual([app.text(), app.fetches], ['failed', 1]);
  mistake = undefined;
  await app.pass(5_500);
  assert.deepEqual([app.text(), app.fetches], ['1', 2]);
  await app.pass(20_000);
  assert.equal(app.fetches, 2);
});

test('two components with one key make one poll', async (t) => {
  const app = await application(t, { shown: 2 });
  assert.equal(app.page.loops, 1);
  await app.pass(10_500);
  assert.equal(app.fetches, 2);
});

test('of several intervals for one key, the shortest counts', async (t) => {
  const app = await application(t);
  await app.show({ pace: { every: 60_000 } }, { pace: { every: 1_000 } }, { pace: { every: 5_000 } });
  await app.settle();
  app.fetches = 0;
  await app.pass(2_500);
  assert.deepEqual([app.fetches, app.page.loops], [2, 1]);
});

test('if the data tells its version, nothing is fetched to find it out', async (t) => {
  const app = await application(t, { pushed: true, pace: { every: 5_000, versions: (data) => data && { 42: data.version } } });
  await app.pass(30_000);
  assert.equal(app.fetches, 0);
});

test('nothing is left running when the last component is gone', async (t) => {
  const app = await application(t, { shown: 2 });
  await app.show({});
  assert.equal(app.page.loops, 1);
  await app.show();
  assert.equal(app.page.loops, 0);
  await app.pass(60_000);
  assert.equal(app.fetches, 0);
});

test('another project is another poll', async (t) => {
  const app = await application(t, { pushed: true });
  await app.show({ project: 7 });
  await app.settle();
  await app.pass(1_000);
  app.fetches = 0;
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 0);
  await act(() => app.page.news('7', 2));
  assert.equal(app.fetches, 1);
});

test('polls end when the function says so, and begin again', async (t) => {
  const app = await application(t, {
    respond: async (version) => ({ version, done: version > 2 }),
    pace: { every: (query) => !query.state.data?.done && 2_000 },
  });
  await app.pass(4_500);
  assert.equal(app.fetches, 2);
  app.version = 3;
  await app.pass(60_000);
  assert.deepEqual([app.text(), app.fetches, app.page.loops], ['3', 3, 0]);
  await act(async () => app.client.setQueryData(['project', 42], { version: 1 }));
  await app.pass(2_500);
  assert.equal(app.fetches, 4);
});

test('a function that says so without an event ends the polls too', async (t) => {
  let on = true;
  const app = await application(t, { pace: { every: () => on && 2_000 } });
  on = false;
  await app.pass(2_500);
  assert.deepEqual([app.fetches, app.page.loops], [0, 0]);
});

test('a disabled query is not polled', async (t) => {
  const app = await application(t);
  await app.show({ enabled: false });
  await app.pass(60_000);
  assert.equal(app.fetches, 0);
  await app.show({ enabled: true });
  await app.settle();
  app.fetches = 0;
  await app.pass(5_500);
  assert.equal(app.fetches, 1);
});

test('a fetch in flight is joined by a poll, not aborted; but it is not taken for the news', async (t) => {
  const answers = [];
  const app = await application(t, {
    respond: (version) => new Promise((resolve) => answers.push(() => resolve({ version }))),
  });
  await act(async () => answers.forEach((answer) => answer()));
  await app.settle();
  answers.length = app.fetches = 0;
  await act(async () => void app.client.refetchQueries({ queryKey: ['project', 42] }));
  await app.pass(5_500); // a poll is due meanwhile
  assert.equal(app.fetches, 1);
  await act(async () => answers[0]());
  await app.settle();
  assert.equal(app.fetches, 1);

  let before;
  await act(() => app.page.push());
  before = app.fetches;
  await act(async () => void app.client.refetchQueries({ queryKey: ['project', 42] }));
  app.version = 2;
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, before + 1);
  await act(async () => answers[before]());
  await act(() => app.page.world.calm());
  assert.equal(app.fetches, before + 2);
  await act(async () => answers[before + 1]());
  await app.settle();
  assert.deepEqual([app.text(), app.aborted], ['2', 0]);
});

test('news of what the query has already costs no request, if the data tells its version', async (t) => {
  const app = await application(t, { pushed: true, pace: { every: 5_000, versions: (data) => data && { 42: data.version } } });
  app.version = 2;
  await act(() => app.client.invalidateQueries({ queryKey: ['project', 42] })); // as after a mutation
  assert.equal(app.fetches, 1);
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 1);
  app.version = 3;
  await act(() => app.page.news('42', 3));
  assert.deepEqual([app.text(), app.fetches], ['3', 2]);
});

test('a return to the page fetches once, whoever notices it first', async (t) => {
  const app = await application(t);
  const visible = (state) => {
    focusManager.setFocused(state === 'visible');
    app.page.world.document.show(state);
  };
  await act(() => visible('hidden'));
  await app.pass(40_000);
  app.fetches = 0;
  await act(() => visible('visible'));
  await app.pass(2_000);
  assert.equal(app.fetches, 1);
});

test('focus and reconnect fetch as usual', async (t) => {
  const app = await application(t);
  await act(() => focusManager.setFocused(false));
  await act(() => focusManager.setFocused(true));
  await app.settle();
  assert.equal(app.fetches, 1);
});

test('offline, a poll fails: nothing was fetched', async (t) => {
  const app = await application(t);
  onlineManager.setOnline(false);
  await app.pass(5_500);
  assert.match(String(app.page.world.failed), /offline/);
  assert.equal(app.fetches, 0);
  await act(() => onlineManager.setOnline(true));
  await app.settle();
  assert.equal(app.fetches, 1);
});

test('where nobody looks it is not polled, unless the query says so', async (t) => {
  const app = await application(t);
  Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
  t.after(() => delete document.visibilityState);
  await app.pass(20_500);
  await act(() => app.page.push());
  assert.equal(app.fetches, 0);
  await act(() => app.page.news('42', 2));
  assert.equal(app.fetches, 1);
  await app.show({ refetchIntervalInBackground: true });
  await app.page.kill();
  await app.pass(5_500);
  assert.equal(app.fetches, 2);
});

test('retries are those of TanStack; then the poll has failed, with its Response, and it goes on', async (t) => {
  let mistake;
  const app = await application(t, {
    pushed: true,
    options: { retry: 1, retryDelay: 0 },
    respond: async (version) => {
      if (mistake) throw mistake;
      return { version };
    },
  });
  mistake = new Response('', { status: 503, headers: { 'Retry-After': '7' } });
  await act(() => app.page.news('42', 2));
  await act(async () => { while (app.fetches < 2 || app.client.isFetching()) await new Promise(setImmediate); });
  assert.equal(app.page.world.failed, mistake);
  assert.equal(app.text(), 'failed');
  mistake = undefined;
  app.fetches = 0;
  await app.pass(4_500); // it asked for 7 s, more than a second ago
  assert.equal(app.fetches, 0);
  await app.pass(4_500);
  assert.equal(app.text(), '1');
});

test('json reads an answer, throws that of an error, and passes on the headers', async (t) => {
  let response = () => Response.json({ version: 5 }, { headers: { 'X-Poll-Interval': '60' } });
  const app = await application(t, { pushed: true, options: { queryFn: json(async ({ signal }) => signal && response()) } });
  assert.equal(app.text(), '5');
  await act(() => app.page.news('42', 2));
  assert.equal(app.page.world.answers.at(-1).headers.get('X-Poll-Interval'), '60');
  response = () => new Response('', { status: 503, headers: { 'Retry-After': '7' } });
  await act(() => app.page.news('42', 3));
  await app.settle();
  assert.equal(app.page.world.failed.headers.get('Retry-After'), '7');
});

test('a client without Nudge polls by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const app = await application(t);
  await act(async () => t.mock.timers.tick(5_000));
  assert.equal(app.fetches, 0);
  app.undo();
  await app.show({});
  await act(async () => t.mock.timers.tick(5_000));
  assert.deepEqual([app.fetches, app.page.loops], [1, 0]);
});
