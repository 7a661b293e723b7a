// A gateway of an earlier build: its answers, byte for byte, as recorded from commit 80e0887. Only times were made longer.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, World } from './world.js';

const cadence = '"push":"healthy","poll_ms":300000,"fast_ms":10000,"jitter":0.2,"heartbeat_ms":25000';
const older = {
  hello: `{"protocol":1,"node":"vm",${cadence},"spread_ms":0,"token_expires_in_s":3599,"versions":{"42":123},"unknown":[],"waiting":[],"denied":[],"off":[]}`,
  heartbeat: `{${cadence}}`,
  version: '{"project":"42","version":124,"spread_ms":0,"prev":123,"writer":"w1","data":{"a":1}}',
  goodbye: '{"reason":"drain","after_ms":1000,"spread_ms":4000}',
};
const method = '{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"this path takes POST","code":"method"}';

function gateway(world) {
  const terms = `{"protocol":1,${cadence},"ttl_ms":60000,"connect_after_ms":0,"denied":[],"off":[],"refusing":""}`;
  world.routes = {
    '/poll-interval': () => answer(200, JSON.parse(terms)),
    '/session': (_, { method: verb }) => (verb === 'DELETE' ? answer(405, JSON.parse(method)) : answer(204)),
    '/missed': () => answer(204),
    '/versions': () =>
      answer(200, JSON.parse(`{${cadence},"spread_ms":0,"versions":{"42":124},"unknown":[],"waiting":[],"denied":[],"off":[]}`)),
  };
}

test('the shim has its news from a gateway of an earlier build', async () => {
  const world = new World();
  gateway(world);
  world.start({ getToken: () => 't1' });
  await world.calm();
  world.source.send('hello', older.hello);
  await world.pass(1000);
  world.source.send('heartbeat', older.heartbeat);
  await world.calm();
  assert.deepEqual([world.state.mode, world.state.stream, world.state.interval], ['push', 'proven', 300_000]);

  world.source.send('version', older.version);
  await world.pass(2000);
  assert.deepEqual(world.polls.map(({ reason }) => reason), ['news']);
  assert.equal(world.state.versions[42], 124);

  // It says goodbye, and the page keeps its pace until another stream is open.
  world.source.send('goodbye', older.goodbye);
  assert.equal(world.state.interval, 300_000);
  await world.pass(5000);
  assert.equal(world.sources.length, 2);
  assert.equal(world.polls.length, 1);

  // It does not take its cookie back.
  world.nudge.stop();
  await world.calm();
  assert.deepEqual(world.reported, []);
});

test('a page without streams holds requests of such a gateway', async () => {
  const world = new World();
  gateway(world);
  world.start({}, { EventSource: undefined });
  await world.pass(12_000);
  assert.equal(world.state.rung, 'versions');
  assert.equal(world.state.versions[42], 124);
});
