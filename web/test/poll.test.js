import assert from 'node:assert/strict';
import test from 'node:test';
import { cadence, hello, proven, World } from './world.js';

const within = (value, low, high, what = '') => assert.ok(value >= low && value <= high, `${what} ${value} not in ${low}…${high}`);

/** An answer that the test gives when it likes. */
function promised() {
  let keep, refuse;
  const promise = new Promise((k, r) => ([keep, refuse] = [k, r]));
  return { promise, keep, refuse };
}

/** News of a version, with a spread. */
const tell = (world, version, spread_ms = 0, more = {}) => world.source.send('version', { project: '42', version, spread_ms, ...more });

test('without a gateway the page polls at its own interval, for ever', async () => {
  const world = new World();
  world.routes = {};
  world.start({ fast: 4000 }, { EventSource: undefined });
  assert.deepEqual([world.state.mode, world.state.stream, world.state.reason, world.state.interval], ['poll', 'none', 'unsupported', 4000]);
  assert.equal(world.polls.length, 0, 'the page has just been rendered');
  let last = world.now;
  for (let n = 0; n < 200; n++) {
    await world.pass(world.state.nextPollAt - world.now);
    assert.equal(world.polls.length, n + 1);
    within(world.now - last, 3200, 4800);
    last = world.now;
  }
  assert.ok(world.polls.every((p) => p.reason === 'interval'));
});

test('the default interval is 10 s', () => {
  for (const fast of [undefined, 0, -5, NaN]) {
    const world = new World();
    world.start({ fast });
    assert.equal(world.state.interval, 10_000);
  }
});

test('waits are drawn over the whole jitter', async () => {
  const world = new World(7);
  world.start({}, { EventSource: undefined });
  const waits = [];
  for (let n = 0; n < 300; n++) {
    const from = world.now;
    await world.pass(world.state.nextPollAt - from);
    waits.push(world.now - from);
  }
  within(Math.min(...waits), 8000, 8300);
  within(Math.max(...waits), 11_700, 12_000);
  within(waits.reduce((a, b) => a + b) / waits.length, 9700, 10_300);
});

test('a poll gets the trace of the news that it is for, and the next poll none', async () => {
  const traces = ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01'];
  const world = await proven();
  await world.live(70_000);
  tell(world, 124);
  await world.pass(0);
  tell(world, 125, 5000, { traceparent: traces[0] });
  tell(world, 126, 5000, { traceparent: traces[1] });
  tell(world, 127, 5000);
  await world.live(12_000);
  world.nudge.refresh();
  await world.pass(0);
  tell(world, 128, 0, { traceparent: { toString: 7 } });
  await world.live(12_000);
  assert.deepEqual(world.polls.slice(-4).map((poll) => poll.traceparent), [undefined, traces[0], undefined, '']);
});

test('an idle page polls at once when news comes: no time passes', async () => {
  const world = await proven();
  await world.live(70_000);
  const before = world.polls.length;
  const at = world.now;
  tell(world, 124);
  await world.pass(0);
  assert.deepEqual(world.since(before, at), [[0, 'news']]);
  assert.deepEqual({ ...world.polls.at(-1).projects }, { 42: { have: 123, want: 124 } });
  assert.deepEqual(world.state.versions, { 42: 124 });
  assert.equal(world.state.stats.newsPolls, 1);
  assert.equal(world.state.behind, 0);
});

test('news the page has already costs nothing', async () => {
  const world = await proven();
  const due = world.state.nextPollAt;
  tell(world, 123);
  tell(world, 122);
  world.source.send('hello', hello);
  assert.equal(world.state.nextPollAt, due);
  await world.pass(2000);
  assert.ok(world.polls.every(({ reason }) => reason === 'interval'));
});

test('a hello polls for what is above, reset or unknown, within its spread', async () => {
  for (const said of [{ versions: { 42: 130 } }, { versions: { 42: 100 } }, { versions: {}, unknown: ['42'] }]) {
    const world = await proven();
    await world.pass(20_000);
    const before = world.polls.length;
    const at = world.now;
    world.source.send('hello', { ...hello, versions: {}, ...said, spread_ms: 4000 });
    await world.pass(4000);
    assert.equal(world.polls.length, before + 1, JSON.stringify(said));
    within(world.polls.at(-1).at - at, 0, 4000);
  }
});

test('spread: the first news fixes the time, and one poll serves all of a window', async () => {
  let sum = 0;
  const n = 60;
  for (let seed = 1; seed <= n; seed++) {
    const world = await proven({}, seed);
    await world.pass(20_000);
    const before = world.polls.length;
    const at = world.now;
    tell(world, 124, 5000);
    const due = world.state.nextPollAt;
    for (let v = 125; v < 130; v++) {
      await world.pass(Math.min(500, Math.max(0, due - world.now - 1) / 2));
      tell(world, v, 9000);
      assert.ok(world.state.nextPollAt <= due, 'never re-armed');
    }
    await world.pass(due - world.now);
    assert.equal(world.polls.length, before + 1);
    within(due - at, 0, 5000);
    sum += due - at;
  }
  within(sum / n, 1500, 3100, 'mean'); // the interval of a page that is behind may bring it forward
});

test('news after the poll of a window has begun waits for a window of its own', async () => {
  const world = new World();
  world.random = () => 0.9; // late in every window and every cycle
  world.start();
  await world.prove();
  await world.pass(20_000);
  const at = world.now;
  const before = world.polls.length;
  tell(world, 124, 1000); // 0…1000, due at 900
  await world.pass(950);
  assert.deepEqual(world.since(before, at), [[900, 'news']]);
  tell(world, 125, 2000); // 1000…3000, due at 2800
  assert.equal(world.state.nextPollAt - at, 2800);
  await world.pass(40);
  tell(world, 126, 3000); // 1000…4000, which puts nothing off
  await world.pass(100);
  tell(world, 127, 9000); // it has started
  await world.pass(3000);
  assert.deepEqual(world.since(before, at).slice(1), [[2800, 'news']]);
  assert.deepEqual(world.state.versions, { 42: 127 });
});

test('a page poll within the window serves', async () => {
  const world = await proven();
  const due = world.state.nextPollAt;
  await world.pass(due - world.now - 1000);
  const before = world.polls.length;
  tell(world, 124, 3000);
  await world.pass(3000);
  assert.equal(world.polls.length, before + 1);
  assert.equal(world.polls.at(-1).reason, 'interval');
  assert.equal(world.state.stats.newsPolls, 0);
});

test('news-driven polls are a second apart', async () => {
  const world = await proven();
  await world.pass(15_000);
  const at = world.now;
  const before = world.polls.length;
  for (let v = 124; v < 164; v++) {
    tell(world, v);
    await world.pass(100);
  }
  await world.pass(1000);
  const times = world.since(before, at).filter(([, reason]) => reason === 'news').map(([t]) => t);
  assert.ok(times.length >= 4, String(times));
  times.slice(1).forEach((t, i) => assert.ok(t - times[i] >= 1000, String(times)));
  assert.deepEqual(world.state.versions, { 42: 163 });
});

test('one poll at a time: news during a poll is polled for right after it', async () => {
  const world = await proven();
  await world.pass(20_000);
  const slow = promised();
  world.poll = () => slow.promise;
  const before = world.polls.length;
  tell(world, 124);
  await world.pass(3000);
  tell(world, 125);
  await world.pass(3000);
  assert.equal(world.inFlight, 1);
  assert.equal(world.polls.length, before + 1);
  assert.equal(world.state.nextPollAt, null);
  world.poll = () => ({ versions: { 42: 125 } });
  slow.keep({ versions: { 42: 124 } });
  await world.pass(0);
  assert.equal(world.polls.length, before + 2);
  assert.deepEqual(world.state.versions, { 42: 125 });
});

test('news during a poll is spread as well', async () => {
  const world = new World();
  world.random = () => 0.9; // late in every window and every cycle
  const slow = promised();
  world.poll = () => slow.promise;
  world.start();
  await world.prove();
  void world.nudge.refresh();
  await world.pass(100);
  assert.equal(world.inFlight, 1);
  tell(world, 125, 5000);
  const at = world.now;
  world.poll = () => ({ versions: { 42: 125 } });
  slow.keep({ versions: { 42: 124 } });
  await world.pass(10_000);
  assert.deepEqual(world.since(1, at), [[4500, 'news']]);
});

test('an answer that brings the newer version already saves the second poll', async () => {
  const world = await proven();
  await world.pass(20_000);
  const slow = promised();
  world.poll = () => slow.promise;
  const before = world.polls.length;
  tell(world, 124);
  await world.pass(3000);
  tell(world, 125);
  slow.keep({ versions: { 42: 125 } });
  await world.pass(5000);
  assert.equal(world.polls.length, before + 1);
});

test('an older answer than announced is asked for again, with back-off, then at the fast interval', async () => {
  const world = await proven();
  await world.pass(20_000);
  world.poll = () => ({ versions: { 42: 123 } });
  const before = world.polls.length;
  const at = world.now;
  tell(world, 124);
  await world.live(30_000);
  const polls = world.since(before, at);
  assert.deepEqual(polls.slice(0, 5).map(([, r]) => r), ['news', 'behind', 'behind', 'behind', 'behind']);
  for (let i = 0; i < 4; i++) within(polls[i + 1][0] - polls[i][0], 125 * 2 ** i, 375 * 2 ** i, `try ${i}`);
  for (let i = 5; i < polls.length; i++) {
    assert.equal(polls[i][1], 'interval');
    within(polls[i][0] - polls[i - 1][0], 8000, 12_000);
  }
  assert.equal(world.state.interval, 10_000);
  assert.equal(world.state.behind, 1);
  world.poll = () => ({ versions: { 42: 124 } });
  await world.pass(12_000);
  assert.equal(world.state.behind, 0);
  assert.equal(world.state.interval, 300_000);
});

test('polls that ask again are spread like the news they are for', async () => {
  const world = await proven();
  await world.pass(20_000);
  world.random = () => 0.5;
  world.poll = () => ({ versions: { 42: 123 } });
  const before = world.polls.length;
  const at = world.now;
  tell(world, 124, 4000);
  await world.pass(5000);
  assert.deepEqual(world.since(before, at), [[2000, 'news'], [4250, 'behind']]);
});

test('a failing poll backs off from the fast interval, and recovers', async () => {
  const world = new World(5);
  let healthy = false;
  world.poll = () => {
    if (healthy) return { versions: { 42: 123 } };
    throw new Error('500');
  };
  world.start({}, { EventSource: undefined });
  const waits = [];
  for (let n = 0; n < 60; n++) {
    const from = world.now;
    await world.pass(world.state.nextPollAt - from);
    waits.push(world.now - from);
  }
  assert.equal(world.state.stats.failedPolls, 60);
  for (let n = 1; n < waits.length; n++) within(waits[n], 1000, Math.min(300_000, 10_000 * 2 ** n));
  within(Math.max(...waits), 200_000, 300_000);
  assert.ok(world.polls.slice(1).every((p) => p.reason === 'retry'));

  healthy = true;
  await world.pass(300_000);
  const before = world.polls.length;
  await world.pass(60_000);
  within(world.polls.length - before, 5, 7);
});

test('while polls fail, news does not bring them forward', async () => {
  const world = await proven();
  world.poll = async () => {
    throw new Error('down');
  };
  await world.pass(20_000);
  world.source.send('heartbeat', cadence);
  const due = world.state.nextPollAt;
  const before = world.polls.length;
  tell(world, 124);
  assert.equal(world.state.nextPollAt, due);
  for (let v = 125; v < 145 && world.now < due; v++) {
    await world.pass(Math.min(100, due - world.now - 1));
    tell(world, v);
  }
  assert.equal(world.polls.length, before);
});

test('a poll that rejects, throws or answers nonsense never stops the loop', async () => {
  const world = new World(11);
  const odd = [
    () => Promise.reject(new Error('x')),
    () => Promise.reject(),
    () => {
      throw null;
    },
    () => 'ok',
    () => null,
    () => ({ versions: null }),
    () => ({ versions: { 42: NaN } }),
    () => ({ versions: 7 }),
    () => {
      return { get versions() { throw new Error('getter'); } };
    },
    () => ({ then: () => { throw new Error('thenable'); } }),
  ];
  let n = 0;
  world.poll = () => odd[n++ % odd.length]();
  world.start({}, { EventSource: undefined });
  await world.pass(3_600_000);
  assert.ok(world.polls.length > 60, String(world.polls.length));
});

test('a poll that never answers is given up after a minute', async () => {
  const world = new World();
  world.poll = () => new Promise(() => {});
  world.start({}, { EventSource: undefined });
  await world.pass(12_000);
  assert.equal(world.polls.length, 1);
  assert.equal(world.polls[0].signal.aborted, false);
  await world.pass(60_000);
  assert.equal(world.polls[0].signal.aborted, true);
  assert.equal(world.state.stats.failedPolls, 1);
  await world.pass(20_000);
  assert.equal(world.polls.length, 2);
});

test('the late answer of a poll that was given up is not heard', async () => {
  const world = new World();
  const slow = promised();
  world.poll = () => slow.promise;
  world.start({}, { EventSource: undefined });
  await world.pass(72_000);
  slow.keep({ versions: { 42: 999 } });
  await world.calm();
  assert.deepEqual(world.state.versions, { 42: 123 });
});

test('refresh polls now, and is kept when a poll begun later has ended', async () => {
  const world = await proven();
  const first = promised();
  const second = promised();
  const kept = [];
  const before = world.polls.length;
  world.poll = () => first.promise;
  world.nudge.refresh().then(() => kept.push('a'));
  await world.pass(0);
  assert.equal(world.polls.at(-1).reason, 'refresh');
  world.nudge.refresh().then(() => kept.push('b'));
  world.nudge.refresh().then(() => kept.push('c'));
  await world.pass(0);
  assert.equal(world.polls.length, before + 1, 'one at a time');
  world.poll = () => second.promise;
  first.keep();
  await world.pass(0);
  assert.deepEqual(kept, ['a']);
  assert.equal(world.polls.length, before + 2);
  second.refuse(new Error('500'));
  await world.pass(0);
  assert.deepEqual(kept, ['a', 'b', 'c']);
  assert.equal(world.polls.length, before + 2, 'both in one');
});

test('the gateway says how far apart polls for news are', async () => {
  const world = await proven();
  const gap = async (cadenceOf) => {
    world.source.send('heartbeat', cadenceOf);
    const from = world.polls.length;
    for (let i = 0; i < 160; i++) {
      tell(world, 1000 + world.now % 1e9);
      await world.pass(50);
    }
    const times = world.polls.slice(from + 1).map((p) => p.at);
    return Math.min(...times.slice(1).map((at, i) => at - times[i]));
  };
  within(await gap({ ...cadence, gap_ms: 250 }), 250, 349);
  within(await gap(cadence), 1000, 1099);
  within(await gap({ ...cadence, gap_ms: 2000 }), 2000, 2099);
});

test('another interval counts at once, as for one that has always had it', async () => {
  const world = await proven();
  void world.nudge.refresh();
  await world.pass(1000);
  const left = () => world.state.nextPollAt - world.now;
  const hear = (push, poll_ms) => world.source.send('heartbeat', { ...cadence, push, poll_ms });
  for (const [push, poll_ms] of [['degraded', 30_000], ['healthy', 300_000], ['degraded', 30_000], ['down', 10_000], ['healthy', 900_000]]) {
    hear(push, poll_ms);
    within(left(), 0, 1.2 * poll_ms);
    assert.equal(world.state.interval, poll_ms);
    const drawn = world.state.nextPollAt;
    hear(push, poll_ms);
    assert.equal(world.state.nextPollAt, drawn, 'drawn once, however often it is said');
  }
  hear('healthy', 300_000);
  // Not even an interval that never stays lets a page wait for longer than its longest.
  void world.nudge.refresh();
  await world.pass(1000);
  const polled = world.state.lastPollAt;
  world.random = () => 0.999;
  while (world.state.lastPollAt === polled && world.now - polled < 500_000) {
    hear('degraded', 30_000);
    hear('healthy', 300_000);
    await world.pass(1000);
  }
  within(world.state.lastPollAt - polled, 300_000, 361_000);
});

test('a shorter interval overtakes no window: its poll is on its way', async () => {
  const world = await proven();
  await world.pass(20_000);
  tell(world, 124, 60_000);
  const due = world.state.nextPollAt;
  assert.ok(due > world.now + 12_000, 'a draw that leaves something to see');
  world.source.send('heartbeat', { ...cadence, push: 'down', poll_ms: 10_000 });
  assert.equal(world.state.nextPollAt, due);
});

test('a shorter interval hurries neither a return nor a retry', async () => {
  for (const prepare of [
    (world) => world.window.emit('online'),
    async (world) => {
      world.poll = () => Promise.reject(new Error('down'));
      void world.nudge.refresh();
      await world.pass(0);
    },
  ]) {
    const world = await proven();
    await world.pass(20_000);
    await prepare(world);
    const due = world.state.nextPollAt;
    world.source.send('heartbeat', { ...cadence, push: 'down', poll_ms: 10_000 });
    assert.equal(world.state.nextPollAt, due);
  }
});

test('each poll is told of once, however it ends', async () => {
  const ways = {
    'well': [() => {}, false],
    'badly': [() => Promise.reject(new Error('no')), true],
    'not at all': [() => new Promise(() => {}), true],
    'too late': [(world) => new Promise((keep) => world.env().setTimeout(keep, 70_000)), true],
  };
  for (const [way, [poll, failed]] of Object.entries(ways)) {
    const world = new World();
    world.poll = () => poll(world);
    const nudge = world.start();
    const told = [];
    nudge.addEventListener('poll', ({ detail: { reason, failed } }) => reason === 'refresh' && told.push(failed));
    let kept = 0;
    nudge.refresh().then(() => kept++);
    await world.pass(100_000);
    assert.deepEqual([told, kept], [[failed], 1], way);
  }
});
