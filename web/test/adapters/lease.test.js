import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { lease } from '../../.build/adapters/lease.js';
import { page } from './page.js';

after(() => window.happyDOM.close());

async function until(condition) {
  while (!condition()) await new Promise(setImmediate);
}

test('an instance is created for the first poll, and stopped', async (t) => {
  const sources = [];
  t.mock.method(globalThis, 'fetch', async () => new Response('', { status: 503 }));
  globalThis.EventSource = class extends EventTarget {
    constructor(url) {
      super();
      this.url = String(url);
      sources.push(this);
    }
    close() {
      this.closed = true;
    }
  };
  const [every, stop] = lease({ gateway: 'https://push.test' });
  stop(); // as an undo before any use
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(sources.length, 0);
  let polls = 0;
  const end = every(200, () => void polls++, { projects: '42' });
  await until(() => sources.length && polls > 1);
  assert.match(sources[0].url, /^https:\/\/push\.test\/events\?project=42/);
  end();
  stop();
  assert.ok(sources.every((source) => source.closed));
});

test('an instance of the application is left to it', async () => {
  const { nudge, pass } = await page();
  const [every, stop] = lease(nudge);
  let polls = 0;
  every(1_000, () => void polls++);
  stop();
  await pass(1_500);
  assert.equal(polls, 1);
  nudge.stop();
});
