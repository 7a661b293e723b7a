// React Native: neither page nor EventSource, and a fetch that gives an answer only when it is complete.

import assert from 'node:assert/strict';
import test from 'node:test';
import { fetchStream } from '../.build/transports/fetch.js';
import { createNudge } from '../.build/nudge.js';
import { answer, cadence, World } from './world.js';

test('what is missing is named, with the fix', () => {
  const { EventTarget, CustomEvent } = globalThis;
  try {
    delete globalThis.EventTarget;
    delete globalThis.CustomEvent;
    assert.throws(() => createNudge({ projects: { 42: 1 }, poll() {} }), /EventTarget, CustomEvent missing here; import a polyfill/);
  } finally {
    Object.assign(globalThis, { EventTarget, CustomEvent });
  }
});

test('where fetch gives no stream, requests are held, with the token in a header', async () => {
  const world = new World();
  const held = [];
  world.routes['/versions'] = (query, init) => new Promise((reply) => held.push({ init, reply }));
  const transport = fetchStream({ fetch: () => new Promise(() => {}) });
  world.start({ transport, getToken: () => 'token' }, { EventSource: undefined, document: undefined, window: undefined });
  await world.pass(60_000);
  assert.equal(world.state.rung, 'versions');
  assert.match(JSON.stringify(held[0].init.headers), /token/);
  held[0].reply(answer(200, { ...cadence, spread_ms: 0, versions: { 42: 124 }, unknown: [], waiting: [], denied: [], off: [] }));
  await world.pass(1000);
  assert.equal(world.polls.at(-1).reason, 'news');
  assert.match(world.warned.join(), /streams/);
});
