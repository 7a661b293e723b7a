// The fake that applications test with.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createNudge } from '../.build/testing/fake.js';

function page(options = {}) {
  const polls = [];
  const nudge = createNudge({
    projects: { 42: 123 },
    interval: 5000,
    async poll({ reason, projects }) {
      await null;
      polls.push([reason, projects]);
      return { versions: Object.fromEntries(Object.entries(projects).map(([id, p]) => [id, p.want ?? p.have])) };
    },
    ...options,
  });
  return { nudge, polls };
}

test('an announced version makes the page poll, before the test goes on', async () => {
  const { nudge, polls } = page();
  await nudge.announce('42', 124);
  assert.deepEqual(polls, [['news', { 42: { have: 123, want: 124 } }]]);
  assert.equal(nudge.getSnapshot().versions[42], 124);
  await nudge.announce(42, 124);
  assert.equal(polls.length, 1, 'not twice for the same');
  nudge.stop();
});

test('time passes when the test says so', async () => {
  const { nudge, polls } = page();
  await nudge.pass(1000);
  assert.equal(nudge.getSnapshot().reason, 'streaming');
  await nudge.pass(100_000);
  assert.equal(polls.length, 0, 'push works, so polls are rare');
  await nudge.pass(600_000);
  assert.ok(polls.length >= 1 && polls.length <= 3, `${polls.length} polls`);
  nudge.stop();
});

test('push breaks and works again', async () => {
  const { nudge, polls } = page();
  await nudge.pass(1000);
  nudge.breakPush();
  await nudge.pass(60_000);
  assert.ok(polls.length >= 10, `${polls.length} polls at the old pace`);
  assert.notEqual(nudge.getSnapshot().stream, 'proven');
  await nudge.restorePush();
  assert.equal(nudge.getSnapshot().stream, 'proven');
  nudge.stop();
});

test('getToken and transports of the page are not called', async () => {
  const never = () => assert.fail('called');
  const { nudge } = page({ getToken: never, transport: never });
  await nudge.announce('42', 124);
  nudge.stop();
});
