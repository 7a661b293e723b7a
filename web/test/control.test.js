// What a page says to its instance: which projects, whose token, when to rest, how far to trust push. And what it hears.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, proven, terms, World } from './world.js';

/** A world with a proven stream that has polled once. */
async function settled(options, message) {
  const world = new World();
  world.start(options);
  await world.calm();
  await world.prove(message);
  await world.live(20_000, { ...cadence, ...message });
  return world;
}

test('projects that are watched later: one new stream for all, and the old one until it is proven', async () => {
  const world = await settled();
  const old = world.source;
  const undo = world.nudge.watch({ 7: 3 });
  world.nudge.watch({ 8: 1, 42: 0 });
  assert.deepEqual(world.state.versions, { 42: 123, 7: 3, 8: 1 });
  assert.deepEqual([world.state.reason, world.state.interval], ['uncovered', 10_000]);
  await world.pass(50);
  assert.equal(world.sources.length, 2);
  assert.match(world.source.url, /project=7@3&project=8@1&project=42@123$/);
  const before = world.polls.length;
  await world.prove({ versions: { 42: 123, 7: 3, 8: 1 } });
  assert.deepEqual([old.closed, world.state.reason, world.state.interval], [true, 'streaming', 300_000]);
  assert.ok(world.polls.length - before <= 1, 'no poll but for the short interval: the hello said nothing new');
  world.source.send('version', { project: '7', version: 4 });
  await world.pass(0);
  assert.equal(world.state.versions[7], 4);

  undo();
  undo();
  assert.deepEqual(Object.keys(world.state.versions), ['8', '42']);
  const polls = world.polls.length;
  world.source.send('version', { project: '7', version: 5 });
  await world.pass(2000);
  assert.equal(world.polls.length, polls, 'nobody watches it');
});

test('a page that has no project yet asks for nothing, and has its stream as soon as it watches one', async () => {
  const world = new World();
  world.start({ projects: {} });
  await world.pass(60_000);
  assert.deepEqual([world.sources.length, world.requests.length], [0, 0]);
  world.nudge.watch({ 7: 3 });
  world.nudge.watch({ 8: 4 });
  await world.pass(100);
  assert.equal(world.source.url, 'https://app.test/events?project=7@3&project=8@4');
  await world.prove({ versions: { 7: 3, 8: 4 } });
  assert.equal(world.state.mode, 'push');
});

test('a project stays as long as anybody watches it', async () => {
  const world = await settled();
  const undo = world.nudge.watch({ 42: 5 });
  undo();
  assert.deepEqual(world.state.versions, { 42: 123 });
  assert.equal(world.sources.length, 1, 'it was there already');
});

test('paused: no poll and no stream, until every reason is gone; then both within a second', async () => {
  const world = await settled();
  world.nudge.pause('modal');
  world.nudge.pause('modal');
  world.nudge.pause('video');
  assert.deepEqual([world.source.closed, world.state.mode, world.state.reason, world.state.stream], [true, 'paused', 'paused', 'none']);
  assert.equal(world.state.nextPollAt, null);
  const before = world.polls.length;
  world.window.emit('online');
  world.document.emit('resume');
  world.nudge.resume('modal');
  world.nudge.resume('never');
  await world.pass(1_000_000);
  assert.deepEqual([world.polls.length, world.sources.length], [before, 1]);
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.equal(world.polls.length, before + 1, 'a refresh polls all the same');
  world.nudge.resume('video');
  await world.pass(1000);
  assert.deepEqual([world.polls.length, world.polls.at(-1).reason, world.sources.length], [before + 2, 'return', 2]);
  await world.prove();
  assert.equal(world.state.mode, 'push');
});

test('a user logs in, out, and in again', async () => {
  const world = new World();
  world.start();
  await world.prove();
  world.nudge.setToken('first');
  await world.calm();
  assert.equal(world.requests[0].path, '/session');
  assert.equal(world.requests[0].init.headers['X-Nudge-Token'], 'first');
  assert.equal(world.sources.length, 2, 'a stream for this user');
  await world.prove();
  assert.equal(world.sources[0].closed, true);

  world.nudge.setToken(null);
  assert.deepEqual([world.source.closed, world.state.reason, world.state.stream], [true, 'token', 'none']);
  await world.pass(600_000);
  assert.equal(world.sources.length, 2, 'nobody is logged in');
  world.nudge.setToken('second');
  await world.calm();
  assert.equal(world.requests.at(-1).init.headers['X-Nudge-Token'], 'second');
  assert.equal(world.sources.length, 3);
});

test('getToken is told why', async () => {
  const reasons = [];
  const world = new World();
  world.start({ getToken: ({ reason, signal }) => (assert.equal(signal.aborted, false), reasons.push(reason), 'x') });
  await world.calm();
  await world.prove({ token_expires_in_s: 100 });
  await world.live(90_000);
  assert.deepEqual(reasons, ['start', 'expiring']);
  world.routes['/poll-interval'] = () => answer(401);
  world.sources.at(-1).fail();
  world.sources.at(-2).fail();
  await world.pass(20_000);
  assert.deepEqual(reasons, ['start', 'expiring', 'refused']);
});

test('shadow: a stream, but the page polls as if it had none, and the evidence is collected', async () => {
  const world = await settled({ push: 'shadow' });
  assert.deepEqual([world.state.mode, world.state.stream, world.state.interval], ['poll', 'proven', 10_000]);
  const before = world.polls.length;
  await world.live(200_000);
  const polls = world.polls.slice(before);
  assert.ok(polls.length >= 16 && polls.length <= 26, `${polls.length} polls`);
  assert.ok(polls.every((p) => p.reason === 'interval'));
  const { saved } = world.state.stats;
  assert.ok(saved >= 17 && saved <= 22, `${saved} saved in 220 s, at 10 s instead of 300`);

  const heard = world.now;
  world.source.send('version', { project: '42', version: 124 });
  const due = world.state.nextPollAt;
  await world.pass(due - heard - 1);
  assert.equal(world.state.versions[42], 123, 'news does not make it poll');
  await world.pass(1);
  assert.deepEqual([world.state.versions[42], world.state.stats.lagMs], [124, due - heard]);

  world.poll = () => ({ versions: { 42: 130 } });
  await world.live(40_000);
  assert.equal(world.state.stats.missed, 1);
});

test('push off: no stream, at the pace that the gateway sets', async () => {
  const world = new World();
  world.routes['/poll-interval'] = () => answer(200, { ...terms, fast_ms: 20_000 });
  world.start({ push: 'off' });
  await world.calm();
  assert.deepEqual([world.sources.length, world.state.reason, world.state.interval], [0, 'off', 20_000]);
  await world.pass(75_000);
  assert.deepEqual([world.sources.length, world.requests.length], [0, 2]);
});

test('hidden: polls are rarer, and much rarer where data is saved', async () => {
  for (const [saveData, interval] of [[false, 60_000], [true, 300_000]]) {
    const world = new World();
    world.start({}, { EventSource: undefined, saveData });
    world.document.show('hidden');
    assert.equal(world.state.interval, interval);
    world.document.show('visible');
    assert.equal(world.state.interval, 10_000);
  }
  const own = new World();
  own.start({ hidden: 0 }, { EventSource: undefined });
  own.document.show('hidden');
  assert.equal(own.state.interval, 10_000);
});

test('frozen: the stream goes, and comes back with a poll', async () => {
  const world = await settled();
  const before = world.polls.length;
  world.document.emit('freeze');
  assert.deepEqual([world.source.closed, world.state.stream, world.state.reason], [true, 'none', 'hidden']);
  world.document.emit('resume');
  await world.pass(1000);
  assert.deepEqual([world.sources.length, world.polls.slice(before).map((p) => p.reason)], [2, ['return']]);
});

test('events: change, news, poll', async () => {
  const world = await settled();
  const heard = [];
  for (const type of ['change', 'news', 'poll']) world.nudge.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  world.source.send('version', { project: '42', version: 124 });
  world.source.send('version', { project: '42', version: 124 });
  await world.pass(0);
  assert.deepEqual(heard.filter(([type]) => type !== 'change'), [
    ['news', { project: '42', version: 124 }],
    ['poll', { reason: 'news', ms: 0, failed: false }],
  ]);
  assert.ok(heard.some(([type]) => type === 'change'));
  heard.length = 0;
  const error = new Error('x');
  world.poll = () => Promise.reject(error);
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.deepEqual(heard.find(([type]) => type === 'poll'), ['poll', { reason: 'refresh', ms: 0, failed: true, error }]);
  assert.equal(world.state.error, error);
  world.poll = () => {};
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.equal(world.state.error, null);
});

/** A world in which streams are mute: the second one in a row makes it ask for versions instead. */
async function muted(versions) {
  const world = new World();
  world.routes['/versions'] = versions;
  world.start();
  for (let n = 0; n < 2; n++) {
    world.source.send('hello', hello);
    await world.pass(5000);
    assert.equal(world.source.closed, true);
    await world.pass(15_000);
  }
  return world;
}

test('streams that do not get through: versions are asked for instead, and bring news', async () => {
  const held = [];
  const world = await muted(() => new Promise((keep) => held.push(keep)));
  assert.deepEqual([world.sources.length, world.state.rung, world.state.reason], [2, 'versions', 'mute']);
  assert.equal(held.length, 1);
  assert.equal(world.requests.at(-1).query, '?project=42@123&wait=25s');
  assert.equal(world.state.interval, 10_000, 'polls go on at the fast interval');
  const before = world.polls.length;
  const at = world.now;
  held[0](answer(200, { ...cadence, spread_ms: 0, versions: { 42: 124 } }));
  await world.pass(0);
  assert.deepEqual(world.since(before, at), [[0, 'news']]);
  assert.equal(world.state.versions[42], 124);
  assert.equal(held.length, 1, 'requests are a gap apart');
  await world.pass(2000);
  assert.deepEqual([held.length, world.requests.at(-1).query], [2, '?project=42@124&wait=25s']);

  // Nothing new, a gateway that does not know, one that is gone: it goes on.
  held[1](answer(200, cadence));
  await world.pass(2000);
  held[2](answer(503, {}, { 'Retry-After': '3' }));
  await world.pass(2999);
  assert.equal(held.length, 3);
  await world.pass(10_000);
  assert.equal(held.length, 4);
  await world.pass(40_000);
  await world.pass(30_000);
  assert.equal(held.length, 5, 'a request without an answer is given up');

  // And after some minutes a stream gets another chance.
  world.routes['/versions'] = () => answer(200, cadence);
  await world.pass(400_000);
  assert.ok(world.sources.length > 2);
});

test('a network that comes back may let streams through: one is tried at once', async () => {
  const world = await muted(() => new Promise(() => {}));
  assert.deepEqual([world.sources.length, world.state.rung], [2, 'versions']);
  world.window.emit('online');
  await world.pass(1000);
  await world.pass(100);
  assert.deepEqual([world.sources.length, world.state.rung], [3, 'stream']);
  // What the last network did does not count against this one: its first mute stream is followed by another one soon.
  world.source.send('hello', hello);
  await world.pass(5000);
  assert.equal(world.state.reason, 'mute');
  await world.pass(16_000);
  assert.deepEqual([world.sources.length, world.state.rung], [4, 'stream']);
  await world.prove();
  assert.equal(world.state.mode, 'push');
});

test('where there is no EventSource, versions are asked for', async () => {
  const world = new World();
  const held = [];
  world.routes['/versions'] = () => new Promise((keep) => held.push(keep));
  world.start({}, { EventSource: undefined });
  assert.deepEqual([world.state.rung, world.state.reason, world.state.stream], ['versions', 'unsupported', 'none']);
  await world.calm();
  held[0](answer(200, { ...cadence, versions: { 42: 125 }, spread_ms: 0 }));
  await world.pass(0);
  assert.deepEqual([world.state.versions[42], world.state.reason], [125, 'unsupported']);
});

test('something else answers in the place of the gateway', async () => {
  const world = await settled();
  world.routes['/poll-interval'] = () => ({ status: 200, headers: new Headers(), json: () => Promise.reject(new SyntaxError('<html>')) });
  world.source.fail();
  await world.pass(5000);
  assert.deepEqual([world.sources.length, world.state.reason], [1, 'captive']);
  assert.match(world.warned.join(), /^nudge: https:\/\/\S+ answers, but not as a gateway: check the option "gateway"/);
  world.routes = new World().routes;
  await world.pass(40_000);
  assert.ok(world.sources.length > 1);
});

test('a path that leads to no gateway is named in the console', async () => {
  const world = new World();
  world.routes['/poll-interval'] = () => answer(404);
  world.start();
  world.source.fail();
  await world.pass(60_000);
  assert.deepEqual([world.state.reason, world.warned.length], ['unreachable', 1]);
  assert.match(world.warned[0], /answers, but not as a gateway/);
  assert.ok(world.polls.length > 4, 'the page polls');
});

test('a gateway of which no answer reaches the page is named in the console, once', async () => {
  for (const [gateway, text] of Object.entries({
    'https://push.other.test': /^nudge: no answer of https:\/\/push\.other\.test reaches this page: .* its cors\.origins lack https:\/\/app\.test, or .* connect-src$/,
    'https://app.test/push': /^nudge: no answer of https:\/\/app\.test\/push reaches this page: it is away, or /,
    '/push': /^nudge: no answer of \/push reaches this page: it is away, or /,
  })) {
    const world = new World();
    world.start({ gateway, getToken: async () => 'token' }, { fetch: () => Promise.reject(new TypeError('Failed to fetch')) });
    await world.pass(120_000);
    assert.equal(world.warned.length, 1, gateway);
    assert.match(world.warned[0], text);
    world.nudge.stop();
  }
  const world = await settled();
  world.routes['/poll-interval'] = () => Promise.reject(new TypeError('Failed to fetch'));
  world.source.fail();
  await world.pass(120_000);
  assert.deepEqual(world.warned, [], 'a gateway that has answered is away for a while');
});

test('a poll without projects has no news to rely on: it keeps its own pace', async () => {
  const world = await settled();
  const [with42, without] = [[], []];
  world.nudge.every(30_000, () => void with42.push(world.now), { projects: { 42: 123 } });
  world.nudge.every(30_000, () => void without.push(world.now));
  await world.live(600_000);
  assert.ok(with42.length <= 1, `${with42.length}`);
  assert.ok(without.length >= 16 && without.length <= 25, `${without.length}`);
});

test('polls for what the open stream serves come and go without a new stream', async () => {
  const world = await settled();
  let runs = 0;
  for (let n = 0; n < 5; n++) {
    const end = world.nudge.every(5000, () => void runs++, { projects: '42', immediate: true });
    await world.pass(100);
    assert.equal(runs, n + 1, 'at once, and once');
    end();
  }
  const undo = world.nudge.watch({ 42: 123 });
  undo();
  assert.equal(world.sources.length, 1);

  const end = world.nudge.every(5000, () => void runs++, { projects: { 42: 123 } });
  await world.live(100_000);
  assert.equal(runs, 5, 'stretched: 5 s times 30');
  world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  await world.pass(0);
  assert.equal(runs, 6);
  end();
  world.source.send('version', { project: '42', version: 125, spread_ms: 0 });
  await world.pass(5000);
  assert.equal(runs, 6);
});

test('a page says that push is down, also while a gateway without Redis can serve none of its projects', async () => {
  const world = new World();
  world.start();
  await world.calm();
  await world.prove({ push: 'down', versions: {} });
  assert.deepEqual([world.state.stream, world.state.push, world.state.reason], ['proven', 'down', 'down']);
});
