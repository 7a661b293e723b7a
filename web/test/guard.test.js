import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guard } from '../.build/transports/guard.js';

const request = { gateway: 'https://push.test', projects: { 42: 1 } };

/** Opens a stream of a transport; gives the handle and what is heard. */
function opened(transport) {
  const heard = [];
  const handle = guard(transport)(request, { event: (...event) => heard.push(event), lost: (...why) => heard.push(['lost', ...why]) });
  return { handle, heard };
}

const calm = () => new Promise((resolve) => setTimeout(resolve, 0));

test('a good transport is as it was', async () => {
  let on;
  let closed = 0;
  const transport = Object.assign((given, events) => {
    assert.equal(given, request);
    on = events;
    return { close: () => closed++, role: 'leader' };
  }, { bearer: true });
  assert.equal(guard(transport).bearer, true);
  const { handle, heard } = opened(transport);
  assert.equal(handle.role, 'leader');
  on.event('hello', '{}');
  on.lost(503, 1000);
  await calm();
  assert.deepEqual(heard, [['hello', '{}'], ['lost', 503, 1000]]);
  assert.equal(closed, 1);
});

test('one that throws when it opens has lost the stream, after the call', async () => {
  const { heard } = opened(() => {
    throw new Error('no');
  });
  assert.deepEqual(heard, []);
  await calm();
  assert.deepEqual(heard, [['lost']]);
});

for (const nothing of [undefined, null, 7, {}, { close: 'no' }]) {
  test(`one that returns ${JSON.stringify(nothing) ?? 'nothing'} has a stream that can be closed`, () => {
    let on;
    const { handle, heard } = opened((_, events) => ((on = events), nothing));
    assert.equal(handle.role, undefined);
    on.event('hello', '{}');
    handle.close();
    handle.close();
    on.event('version', '{}');
    assert.deepEqual(heard, [['hello', '{}']]);
  });
}

test('one that throws when it closes is closed all the same', () => {
  let on;
  const { handle, heard } = opened((_, events) => {
    on = events;
    return {
      close() {
        throw new Error('no');
      },
    };
  });
  handle.close();
  on.event('hello', '{}');
  assert.deepEqual(heard, []);
});

test('a loss is told once, after the call, and nothing after it', async () => {
  let on;
  const { heard } = opened((_, events) => {
    on = events;
    on.lost(500);
    on.lost(501);
    on.event('hello', '{}');
    return { close() {} };
  });
  assert.deepEqual(heard, []);
  await calm();
  on.lost(502);
  on.event('hello', '{}');
  await calm();
  assert.deepEqual(heard, [['lost', 500]]);
});

test('nothing is told after close, not even a loss just before', async () => {
  const { handle, heard } = opened((_, on) => (on.lost(), { close() {} }));
  handle.close();
  await calm();
  assert.deepEqual(heard, []);
});
