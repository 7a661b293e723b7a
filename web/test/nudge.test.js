import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import vm from 'node:vm';
import { cadence, chance, hello, proven, World } from './world.js';

test('the snapshot keeps its identity until something changes, and listeners hear of changes only', async () => {
  const world = await proven();
  await world.pass(20_000);
  let calls = 0;
  const undo = world.nudge.subscribe(() => calls++);
  const before = world.state;
  assert.equal(world.state, before);
  world.document.emit('visibilitychange');
  await world.pass(0);
  assert.equal(world.state, before);
  assert.equal(calls, 0);
  world.source.send('heartbeat', cadence);
  assert.equal(calls, 1);
  assert.notEqual(world.state, before);
  assert.equal(before.stats.events + 1, world.state.stats.events, 'an old snapshot stays as it was');
  undo();
  undo();
  world.source.send('heartbeat', { ...cadence, push: 'degraded' });
  assert.equal(calls, 1);
});

test('everything in the snapshot is data', async () => {
  const world = await proven();
  assert.deepEqual(JSON.parse(JSON.stringify(world.state)), world.state);
  assert.deepEqual(Object.keys(world.state).sort(), [
    'ahead', 'behind', 'cut', 'error', 'factor', 'fast', 'gap', 'interval', 'jitter', 'lastEventAt', 'lastPollAt', 'mode', 'nextPollAt', 'push', 'reason', 'role', 'rung', 'stats', 'stream',
    'versions',
  ]);
  assert.deepEqual(Object.keys(world.state.stats).sort(), ['events', 'failedPolls', 'lagMs', 'missed', 'newsPolls', 'polls', 'saved', 'startedAt', 'streams']);
});

test('listeners: twice the same, one that throws, one that leaves, one that stops it all', async () => {
  const world = await proven();
  const heard = [];
  const twice = () => heard.push('twice');
  world.nudge.subscribe(twice);
  const undo = world.nudge.subscribe(twice);
  world.nudge.subscribe(() => {
    throw new Error('mine');
  });
  const leave = world.nudge.subscribe(() => leave());
  world.nudge.subscribe(() => heard.push('last'));
  world.source.send('heartbeat', cadence);
  assert.deepEqual(heard, ['twice', 'twice', 'last']);
  assert.equal(world.reported.length, 1);
  undo();
  world.nudge.subscribe(() => world.nudge.stop());
  world.source.send('heartbeat', { ...cadence, push: 'down' });
  assert.equal(world.state.mode, 'stopped');
  assert.equal(world.timers, 0);
});

test('methods need no this', async () => {
  const world = await proven();
  const { subscribe, getSnapshot, refresh, stop } = world.nudge;
  subscribe(() => {});
  refresh();
  await world.pass(0);
  assert.equal(getSnapshot().stats.polls, 1);
  stop();
});

/** Nothing is left: no timer, no stream, no listener, no poll. */
async function assertOver(world) {
  assert.equal(world.timers, 0);
  assert.ok(world.sources.every((s) => s.closed));
  assert.equal(world.window.count() + world.document.count(), 0);
  const { mode, stream, reason, nextPollAt } = world.state;
  assert.deepEqual([mode, stream, reason, nextPollAt], ['stopped', 'none', 'stopped', null]);
  const before = [world.polls.length, world.sources.length, world.requests.length];
  const last = world.state;
  await world.pass(10_000_000);
  for (const source of world.sources) source.emit('hello', { data: JSON.stringify(hello) });
  await world.nudge.refresh();
  assert.deepEqual([world.polls.length, world.sources.length, world.requests.length], before);
  assert.equal(world.timers, 0);
  assert.equal(world.state, last);
}

test('stop ends everything, at any moment, and may be called twice', async () => {
  const moments = {
    async connecting() {},
    async open(world) {
      world.source.send('hello', hello);
    },
    async proven(world) {
      await world.prove();
    },
    async lost(world) {
      world.source.fail();
    },
    async asking(world) {
      world.routes['/poll-interval'] = () => new Promise(() => {});
      world.source.fail();
      await world.pass(3000);
    },
    async grace(world) {
      await world.prove();
      world.source.send('goodbye', { reason: 'drain', after_ms: 5000, spread_ms: 0 });
    },
    async polling(world) {
      world.poll = () => new Promise(() => {});
      await world.pass(12_000);
    },
    async hidden(world) {
      world.window.emit('pagehide', {});
    },
  };
  for (const [name, reach] of Object.entries(moments)) {
    for (const how of ['stop', Symbol.dispose, 'signal']) {
      const world = new World();
      const controller = new AbortController();
      world.start({ signal: controller.signal });
      await reach(world);
      const waiting = world.nudge.refresh();
      if (how === 'signal') controller.abort();
      else world.nudge[how]();
      world.nudge.stop();
      await waiting;
      assert.ok(world.polls.every((p) => p.ended || p.signal.aborted), name);
      await assertOver(world);
    }
  }
});

test('a signal that is aborted already: nothing begins', async () => {
  const world = new World();
  world.start({ signal: AbortSignal.abort() });
  await assertOver(world);
  assert.equal(world.polls.length, 0);
});

test('a poll may stop the shim, or refresh', async () => {
  const world = new World();
  world.poll = () => {
    world.nudge.refresh();
    if (world.polls.length === 3) world.nudge.stop();
  };
  world.start();
  await world.pass(60_000);
  assert.equal(world.polls.length, 3);
  await assertOver(world);
});

test('the committed bundles work as they are', async () => {
  const { createNudge } = await import('../dist/nudge.js');
  const classic = vm.createContext({ AbortController, CustomEvent, Date, EventTarget, Math });
  vm.runInContext(await readFile(new URL('../dist/nudge.global.js', import.meta.url), 'utf8'), classic);
  assert.deepEqual(Object.keys(classic.Nudge), ['createNudge', 'page']);
  for (const create of [createNudge, classic.Nudge.createNudge]) {
    const world = new World();
    world.nudge = create({ projects: { 42: 123 }, poll: (context) => void world.polls.push(context) }, world.env());
    await world.prove();
    await world.pass(20_000);
    const before = world.polls.length;
    world.source.send('version', { project: '42', version: 124 });
    await world.pass(0);
    assert.equal(world.polls.length, before + 1);
    assert.equal(world.state.versions[42], 124);
    world.nudge.stop();
    assert.equal(world.timers, 0);
  }
});

test('outside a browser it polls, and importing it does nothing', async () => {
  const { createNudge } = await import('../.build/nudge.js');
  let nudge;
  await new Promise((done) => (nudge = createNudge({ projects: { 42: 1 }, interval: 100, server: true, poll: () => done() })));
  assert.equal(nudge.getSnapshot().reason, 'unsupported');
  nudge.stop();
});

test('random worlds: the loop never stops, never doubles, and leaves nothing behind', async () => {
  const seen = [];
  for (let seed = 1; seed <= 12; seed++) {
    const world = new World(seed);
    const dice = chance(seed * 7919);
    const pick = (list) => list[Math.floor(dice() * list.length)];
    const number = (most) => Math.floor(dice() * most);
    let truth = 123;
    let announced = 123;

    world.poll = () => {
      const versions = { 42: dice() < 0.1 ? Math.max(0, truth - 1) : truth };
      const how = dice();
      if (how < 0.1) throw new Error('no');
      if (how < 0.2) return Promise.reject(new Error('later no'));
      if (how < 0.25) return new Promise(() => {});
      if (how < 0.5) return new Promise((keep) => world.env().setTimeout(() => keep({ versions }), number(5000)));
      return how < 0.6 ? undefined : { versions };
    };
    const wild = () => ({
      push: pick(['healthy', 'degraded', 'down', 'off', 'odd', undefined]),
      poll_ms: pick([300_000, 30_000, 10_000, 0, -1, NaN, 1e18, 'x', undefined]),
      fast_ms: pick([10_000, 5000, 60_000, 0, null, undefined]),
      heartbeat_ms: pick([25_000, 5000, -1, undefined]),
      jitter: pick([0.2, 0, 5, -1, undefined]),
      spread_ms: pick([0, 0, 2000, 20_000, -5]),
      after_ms: pick([0, 2000, 60_000, -5, 'soon']),
      token_expires_in_s: pick([100, 3600, 1e12, 0, -1, undefined]),
      ttl_ms: pick([1000, 60_000, 0, undefined]),
      connect_after_ms: pick([0, 0, 5000]),
      versions: pick([{ 42: announced }, { 42: announced }, {}, { 42: 'x' }, null]),
      unknown: pick([[], ['42'], undefined]),
      off: pick([[], [], ['42']]),
      denied: pick([[], [], ['42']]),
      refusing: pick(['', '', 'limit']),
      project: pick(['42', '42', 'other', 42]),
      version: announced,
      reset: dice() < 0.05,
      reason: pick(['drain', 'rotate', 'off', 'expired', 'revoked', 'overload', undefined]),
    });
    const reply = (statuses) => {
      const how = dice();
      if (how < 0.1) throw new TypeError('network');
      if (how < 0.15) return new Promise(() => {});
      return { status: pick(statuses), headers: new Headers({ 'Retry-After': pick(['3', 'x', '0']) }), json: async () => wild() };
    };
    world.routes = {
      '/poll-interval': () => reply([200, 200, 200, 200, 401, 403, 400, 429, 503, 500]),
      '/session': () => reply([204, 204, 204, 401, 503, 413]),
    };
    const getToken = () => pick(['a', 'b', null, Promise.reject(new Error('no token')), new Promise(() => {})].map((v) => (v?.catch?.(() => {}), v)));
    const acts = [
      () => (announced = ++truth),
      () => world.source?.send(pick(['hello', 'version', 'heartbeat', 'heartbeat', 'heartbeat', 'goodbye', 'error', 'odd']), wild()),
      () => world.source?.send('hello', { ...hello, ...cadence, versions: { 42: announced } }),
      () => world.source?.send('heartbeat', cadence),
      () => pick(world.sources)?.send('version', { project: '42', version: announced, spread_ms: number(3000) }),
      () => dice() < 0.3 && world.source?.fail(),
      () => world.window.emit(pick(['online', 'pagehide', 'pageshow']), { persisted: dice() < 0.7 }),
      () => world.document.show(pick(['hidden', 'visible'])),
      () => void (dice() < 0.1 && world.nudge.refresh()),
      () => dice() < 0.1 && world.sleep(number(400_000)),
      () => world.pass(number(30_000)),
      () => world.pass(number(2000)),
    ];
    world.start({ getToken: seed % 2 ? getToken : undefined });
    let wasInFlight = 0;
    let proofs = 0;
    for (let n = 0; n < 2000; n++) {
      await pick(acts)();
      const { nextPollAt, lastPollAt, stats, interval, jitter, stream, mode } = world.state;
      // A poll that was given up may still be in flight where the application ignored its signal; only one may count.
      const live = world.polls.filter((p) => !p.ended && !p.signal.aborted).length;
      assert.ok(live <= 1, `${live} polls in flight at step ${n} of seed ${seed}`);
      assert.equal(nextPollAt === null, live === 1, `step ${n} of seed ${seed}`);
      if (nextPollAt !== null) {
        const longest = Math.max(interval * (1 + jitter), 86_400_000 * 1.9, 300_000);
        assert.ok(Number.isFinite(nextPollAt) && nextPollAt - world.now <= longest, `step ${n} of seed ${seed}: ${nextPollAt}`);
      }
      assert.ok(world.sources.filter((s) => !s.closed).length <= 2, 'streams');
      assert.ok(world.timers <= 12 + world.polls.length, 'timers');
      assert.equal(stats.polls, world.polls.length);
      assert.equal(mode === 'stopped', false);
      assert.ok(['none', 'waiting', 'connecting', 'open', 'proven'].includes(stream));
      wasInFlight += live;
      if (stream === 'proven') proofs++;
    }
seen.push({ wasInFlight, polls: world.polls.length, streams: world.sources.length, proofs });

    // Whatever happened: with a working application and gateway it finds its way back.
    world.poll = () => ({ versions: { 42: truth } });
    world.routes = new World().routes;
    if (seed % 2) world.routes['/session'] = () => ({ status: 204, headers: new Headers(), json: async () => null });
    world.document.show('visible');
    world.window.emit('pageshow', { persisted: true });
    const from = world.now;
    const done = world.polls.length;
    while (world.state.stream !== 'proven' && world.now - from < 8_000_000) {
      if (world.source && !world.source.closed && world.now - world.source.openedAt < 3000) {
        await world.prove({ poll_ms: 60_000, versions: { 42: truth } });
      } else await world.pass(500);
    }
    assert.equal(world.state.stream, 'proven', `seed ${seed}: ${world.state.reason}`);
    await world.live(180_000, { ...cadence, poll_ms: 60_000 });
    assert.deepEqual(world.state.versions, { 42: truth }, `seed ${seed}`);
    assert.ok(world.polls.length > done);

    world.nudge.stop();
    assert.ok(world.sources.every((s) => s.closed));
    world.polls.length = 0;
    await world.pass(10_000_000);
    assert.equal(world.polls.length, 0);
    assert.equal(world.timers, 0, 'timers after stop');
  }
  const sum = (name) => seen.reduce((n, s) => n + s[name], 0);
  const total = ['wasInFlight', 'polls', 'streams', 'proofs'].map(sum);
  assert.ok(total.every((n) => n > 20), `the soak has seen too little: ${total}`);
});

test('whatever is given as an interval, visible or hidden, the loop goes on, and never runs hot', async () => {
  for (const value of [NaN, Infinity, -1, 0, undefined, null]) {
    const world = new World();
    world.start({ fast: value, hidden: value, push: 'off' }, { fetch: () => Promise.reject(new Error('unreachable')) });
    world.document.show('hidden');
    await world.pass(7_200_000);
    const { polls } = world.state.stats;
    assert.ok(polls < 720 * 1.3, `${value}: ${polls} polls in two hours`);
    if (!polls) await world.pass(1.3 * 86_400_000); // no interval is longer than a day
    assert.ok(world.state.stats.polls >= 1, `${value}: no poll in 31 hours`);
    world.document.show('visible');
    await world.pass(2000);
    assert.ok(world.state.nextPollAt > world.now, String(value));
    world.nudge.stop();
  }
});

test('a token that comes too late is not used', async () => {
  const opened = [];
  const transport = Object.assign((request) => (opened.push(request.token), { close() {} }), { bearer: true });
  const world = new World();
  let late;
  world.start({ transport, getToken: () => new Promise((keep) => (late = keep)) });
  await world.calm();
  world.nudge.setToken('bob');
  await world.calm();
  late('alice');
  await world.pass(60_000);
  assert.ok(opened.length > 1);
  assert.deepEqual([...new Set(opened)], ['bob']);
});

test('a page that stops while a stream is being opened leaves none open', async () => {
  const world = new World();
  const streams = [];
  world.start({
    transport(request, on) {
      streams.push({ on, open: true });
      if (streams.length > 1) world.nudge.stop();
      const stream = streams.at(-1);
      return { close: () => (stream.open = false) };
    },
  });
  streams[0].on.lost();
  await world.pass(60_000);
  assert.deepEqual(streams.map(({ open }) => open), [false, false]);
});
