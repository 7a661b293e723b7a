import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, proven, terms, World } from './world.js';

/** A world whose stream is about to be opened. */
function connecting(options) {
  const world = new World();
  world.start(options);
  return world;
}

/** A world whose stream has said hello just now. */
function greeted(message = {}) {
  const world = connecting();
  world.source.send('hello', { ...hello, ...message });
  return world;
}

test('the stream is asked for with what the page has, and with cookies', () => {
  const world = connecting({ projects: { 42: 123, 'a-7': 0 } });
  assert.equal(world.sources.length, 1);
  assert.equal(world.source.url, 'https://app.test/events?project=42@123&project=a-7@0');
  assert.deepEqual(world.source.init, { withCredentials: true });
  assert.deepEqual([world.state.stream, world.state.reason, world.state.mode], ['connecting', 'starting', 'poll']);
});

test('a gateway elsewhere, with a path', () => {
  for (const gateway of ['https://push.test/a/b', 'https://push.test/a/b/', 'https://push.test/a/b//']) {
    assert.equal(connecting({ gateway }).source.url, 'https://push.test/a/b/events?project=42@123');
  }
});

test('the next stream names what a gateway last named', async () => {
  const world = await proven();
  world.source.send('version', { project: '42', version: 130 });
  await world.calm();
  world.source.fail();
  await world.pass(10_000);
  assert.equal(world.sources.length, 2);
  assert.match(world.source.url, /project=42@130$/);
});

test('a hello alone proves nothing, and sets the fast interval only', () => {
  const world = greeted({ fast_ms: 7000 });
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['open', 'proving', 7000]);
  assert.deepEqual([world.state.push, world.state.mode], ['healthy', 'poll']);
});

test('proof: an event that is no hello, 0.5 to 5 s after the first hello', async () => {
  for (const [name, after, state] of [
    ['heartbeat', 0, 'open'],
    ['heartbeat', 499, 'open'],
    ['heartbeat', 500, 'proven'],
    ['heartbeat', 4999, 'proven'],
    ['version', 1000, 'proven'],
    ['hello', 1000, 'open'],
    ['surprise', 1000, 'open'],
    ['message', 1000, 'open'],
  ]) {
    const world = greeted();
    await world.pass(after);
    world.source.send(name, name === 'hello' ? hello : { ...cadence, project: '42', version: 123 });
    assert.equal(world.state.stream, state, `${name} after ${after} ms`);
  }
});

test('an early event neither proves nor disproves', async () => {
  const world = greeted();
  world.source.send('heartbeat', cadence);
  await world.pass(1000);
  world.source.send('heartbeat', cadence);
  assert.equal(world.state.stream, 'proven');
});

test('the proof counts from the first hello, and a repeated hello keeps it', async () => {
  const world = greeted();
  await world.pass(4000);
  world.source.send('hello', hello);
  await world.pass(500);
  world.source.send('heartbeat', cadence);
  assert.equal(world.state.stream, 'proven');
  world.source.send('hello', { ...hello, poll_ms: 200_000 });
  assert.deepEqual([world.state.stream, world.state.interval, world.state.reason], ['proven', 200_000, 'streaming']);
});

test('a stream that is not proven in time is closed', async () => {
  const world = greeted();
  const mute = world.source;
  await world.pass(4999);
  assert.equal(mute.closed, false);
  await world.pass(1);
  assert.equal(mute.closed, true);
  assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['waiting', 'mute', 10_000]);
});

test('a stream without a hello is closed after 10 s', async () => {
  const world = connecting();
  await world.pass(9999);
  assert.equal(world.source.closed, false);
  await world.pass(1);
  assert.deepEqual([world.source.closed, world.state.reason], [true, 'mute']);
});

test('only its own proven stream sets the slow interval', async () => {
  const world = greeted({ poll_ms: 240_000 });
  world.source.send('heartbeat', { ...cadence, poll_ms: 250_000 });
  assert.equal(world.state.interval, 10_000);
  await world.pass(1000);
  world.source.send('version', { project: '42', version: 123 });
  assert.equal(world.state.interval, 250_000);
  world.source.send('heartbeat', { ...cadence, poll_ms: 120_000 });
  assert.equal(world.state.interval, 120_000);

  world.routes['/poll-interval'] = () => answer(200, { ...terms, poll_ms: 500_000, fast_ms: 20_000 });
  world.source.fail();
  await world.pass(10_000);
  assert.equal(world.state.stream, 'connecting');
  assert.equal(world.state.interval, 20_000);
});

test('a loss shortens the interval at once', async () => {
  const world = await proven();
  await world.pass(20_000);
  assert.ok(world.state.nextPollAt - world.now > 200_000);
  world.source.fail();
  assert.equal(world.state.interval, 10_000);
  assert.ok(world.state.nextPollAt - world.now <= 10_000);
  assert.deepEqual([world.state.mode, world.state.push, world.state.reason], ['poll', 'unknown', 'lost']);
});

test('the first error closes the stream: the browser never reconnects by itself', async () => {
  for (const open of [connecting, greeted]) {
    const world = open();
    world.source.fail();
    assert.equal(world.source.closed, true);
    assert.equal(world.state.stream, 'waiting');
  }
});

test('a message named error is not an error', () => {
  const world = greeted();
  world.source.send('error', { what: 'ever' });
  assert.equal(world.source.closed, false);
  assert.equal(world.state.stream, 'open');
});

test('unknown events, fields, protocols and broken data are ignored', async () => {
  const world = greeted({ protocol: 9, later: { a: 1 } });
  for (const data of ['', '{', '[]', 'null', '"x"', '7']) {
    for (const name of ['version', 'heartbeat', 'hello', 'surprise', 'message']) world.source.send(name, data);
  }
  await world.pass(1000);
  world.source.send('heartbeat', { ...cadence, later: 1 });
  assert.equal(world.state.stream, 'proven');
  assert.equal(world.state.interval, 10_000, 'an empty hello serves no project');
  world.source.send('hello', hello);
  await world.pass(2000);
  assert.equal(world.state.interval, 300_000);
});

test('silence of two heartbeats is death, whatever the source believes', async () => {
  const world = await proven();
  const silent = world.source;
  await world.pass(49_999);
  assert.equal(silent.closed, false);
  await world.pass(1);
  assert.equal(silent.closed, true);
  assert.equal(world.state.interval, 10_000);
});

test('every event is a sign of life, and the heartbeat is the last one named', async () => {
  const world = await proven();
  const first = world.source;
  await world.pass(40_000);
  first.send('version', { project: '42', version: 123 });
  await world.pass(40_000);
  assert.equal(first.closed, false);
  first.send('heartbeat', { ...cadence, heartbeat_ms: 5000 });
  await world.pass(10_000);
  assert.equal(first.closed, true);
});

test('after a sleep, events that were waiting are heard before the stream is judged', async () => {
  const world = await proven();
  const first = world.source;
  await world.sleep(600_000);
  await world.pass(0); // the watch rings, ten minutes late
  assert.equal(first.closed, false);
  await world.pass(500);
  first.send('heartbeat', cadence);
  await world.pass(30_000);
  assert.equal(first.closed, false);
  assert.equal(world.state.stream, 'proven');

  await world.sleep(600_000);
  await world.pass(999);
  assert.equal(first.closed, false);
  await world.pass(1);
  assert.equal(first.closed, true, 'nothing came');
});

test('a page that slept during the proof has not been muted', async () => {
  const world = greeted();
  await world.sleep(60_000);
  await world.pass(0);
  assert.equal(world.state.reason, 'lost');
});

test('a source that cannot be made is a lost stream', async () => {
  const world = new World();
  world.start({}, {
    EventSource: class {
      constructor() {
        throw new SyntaxError('no such URL');
      }
    },
  });
  await world.pass(0);
  assert.deepEqual([world.state.stream, world.state.reason], ['waiting', 'lost']);
  await world.pass(120_000);
  assert.ok(world.polls.length >= 8);
});

test('projects that the stream leaves out are polled at the fast interval', async () => {
  const projects = { 42: 123, 7: 1 };
  for (const left of [{ waiting: ['7'] }, { denied: ['7'] }, { off: ['7'] }]) {
    const world = connecting({ projects });
    await world.prove(left);
    assert.deepEqual([world.state.interval, world.state.reason, world.state.mode], [10_000, 'uncovered', 'poll']);
    const before = world.polls.length;
    world.source.send('hello', { ...hello, versions: { 42: 123, 7: 1 } });
    assert.equal(world.state.interval, 300_000);
    await world.pass(0);
    assert.equal(world.polls.length, before + 1, 'what it may have missed is polled for');
  }
});

test('the state of push is told', async () => {
  const world = await proven();
  for (const [push, mode, reason] of [
    ['degraded', 'push', 'degraded'],
    ['down', 'poll', 'down'],
    ['healthy', 'push', 'streaming'],
  ]) {
    world.source.send('heartbeat', { ...cadence, push });
    assert.deepEqual([world.state.push, world.state.mode, world.state.reason], [push, mode, reason]);
  }
});
