import { test } from 'node:test';
import assert from 'node:assert/strict';
import { QueryClient, QueryObserver, onlineManager } from '@tanstack/query-core';
import { pollQueries } from '../../.build/adapters/tanstack-query.js';

const context = { reason: 'news', projects: { 42: { have: 1, want: 2 } }, signal: new AbortController().signal };
const filters = { queryKey: ['project', 42] };

/** An application with one query in use; its server is at `version`, and answers as the test tells it. */
function application(t, respond = async (version) => ({ version })) {
  const app = { version: 1, fetches: 0, aborted: 0, client: new QueryClient() };
  app.client.mount();
  app.data = () => app.client.getQueryData(filters.queryKey);
  app.use = (queryKey = filters.queryKey) =>
    new QueryObserver(app.client, {
      queryKey,
      retry: false,
      staleTime: 60_000,
      queryFn({ signal }) {
        app.fetches++;
        signal.addEventListener('abort', () => app.aborted++);
        return respond(app.version);
      },
    }).subscribe(() => {});
  t.after(() => {
    app.client.unmount();
    app.client.clear();
    onlineManager.setOnline(true);
  });
  return app;
}

const settled = (app) => until(() => app.client.isFetching() === 0);
async function until(condition) {
  while (!condition()) await new Promise(setImmediate);
}

test('a poll fetches what is in use, and is over when that is', async (t) => {
  const app = application(t);
  app.use();
  app.use(['other']);
  await settled(app);
  app.version = 2;
  const fetches = app.fetches;
  const result = await pollQueries(app.client, filters, () => ({ 42: app.data().version }))(context);
  assert.deepEqual([app.fetches - fetches, result], [1, { versions: { 42: 2 } }]); // fresh as it was by its staleTime
});

test('a fetch in flight is not aborted, and not taken for the news', async (t) => {
  const answers = [];
  const app = application(t, (version) => new Promise((resolve) => answers.push(() => resolve({ version }))));
  app.use();
  await until(() => answers.length === 1);
  app.version = 2; // after that fetch has left
  const polled = pollQueries(app.client, filters)(context);
  answers[0]();
  await until(() => answers.length === 2);
  assert.equal(app.data().version, 1);
  answers[1]();
  await polled;
  assert.deepEqual([app.data().version, app.fetches, app.aborted], [2, 2, 0]);
});

test('polls in quick succession do not restart one another', async (t) => {
  const app = application(t);
  app.use();
  await settled(app);
  const poll = pollQueries(app.client, filters);
  await Promise.all([poll(context), poll(context), poll(context)]);
  assert.equal(app.aborted, 0);
});

test('what the server throws, the poll throws', async (t) => {
  let mistake;
  const app = application(t, async (version) => {
    if (mistake) throw mistake;
    return { version };
  });
  app.use();
  await settled(app);
  mistake = new Response('', { status: 503, headers: { 'Retry-After': '7' } });
  await assert.rejects(pollQueries(app.client, filters)(context), (error) => error === mistake);
});

test('offline, a poll fails: nothing was fetched', async (t) => {
  const app = application(t);
  app.use();
  await settled(app);
  onlineManager.setOnline(false);
  await assert.rejects(pollQueries(app.client, filters)(context), /offline/);
});

test('what nobody shows is only marked', async (t) => {
  const app = application(t);
  app.use()();
  await settled(app);
  await pollQueries(app.client, filters)(context);
  assert.equal(app.fetches, 1);
  assert.equal(app.client.getQueryState(filters.queryKey).isInvalidated, true);
});
