import assert from 'node:assert/strict';
import test from 'node:test';
import { judge } from '../.build/refusals.js';
import { read } from '../.build/messages.js';

test('nonsense says nothing', () => {
  const nothing = read({});
  assert.equal(nothing.poll_ms, undefined);
  assert.deepEqual([nothing.spread_ms, nothing.ttl_ms, nothing.versions, nothing.unknown], [0, undefined, new Map(), []]);
  for (const said of ['', '{', 'null', '7', '"x"', '[]', 'true', undefined, null, 7, true, () => {}, function () {}, { get poll_ms() { throw new Error('a trap') } }]) {
    assert.deepEqual(read(said), nothing, String(said));
  }
});

test('fields are read one by one', () => {
  const message = read(
    JSON.stringify({
      push: 'splendid',
      poll_ms: '300000',
      fast_ms: -1,
      heartbeat_ms: 0,
      jitter: 7,
      spread_ms: null,
      after_ms: 1e300,
      versions: 5,
      unknown: 'all',
      reset: 'yes',
      later: 1,
    }),
  );
  assert.deepEqual(
    [message.push, message.poll_ms, message.fast_ms, message.heartbeat_ms, message.jitter, message.spread_ms],
    [undefined, undefined, undefined, undefined, 0.9, 0],
  );
  assert.deepEqual([message.after_ms, message.unknown, message.reset], [86_400_000, [], false]);
  assert.equal('later' in message, false);
  assert.equal(read({ poll_ms: NaN }).poll_ms, undefined);
  assert.equal(read({ poll_ms: Infinity }).poll_ms, 86_400_000);
});

test('verdicts', () => {
  for (const [status, body, verdict, what = 'terms'] of [
    [200, { fast_ms: 10_000 }, 'go'],
    [200, {}, 'captive'],
    [200, '<html>', 'captive'],
    [200, {}, 'go', 'versions'],
    [204, null, 'go', 'session'],
    [200, { push: 'down', fast_ms: 10_000 }, 'go'],
    [200, { push: 'off' }, 'off'],
    [200, { off: ['42'], fast_ms: 10_000 }, 'go'],
    [200, { off: ['42', '7'] }, 'off'],
    [200, { denied: ['42', '7'] }, 'denied'],
    [200, { denied: ['42', '7'], anonymous: true }, 'token'],
    [200, { denied: ['42'], off: ['7'] }, 'off'],
    [200, { denied: ['42', '7'], off: ['42', '7'] }, 'denied'],
    [200, { refusing: 'draining' }, 'busy'],
    [200, { refusing: '', fast_ms: 10_000 }, 'go'],
    [401, {}, 'token'],
    [403, {}, 'denied'],
    [400, {}, 'denied'],
    [429, {}, 'busy'],
    [503, {}, 'busy'],
    [404, {}, 'unreachable'],
    [500, {}, 'unreachable'],
    [502, '<html>', 'unreachable'],
    [0, null, 'unreachable'],
    [302, null, 'unreachable'],
  ]) {
    assert.equal(judge({ status, retryAfter: 0, message: read(body) }, what === 'terms' ? ['42', '7'] : undefined), verdict, `${status} ${JSON.stringify(body)}`);
  }
});
