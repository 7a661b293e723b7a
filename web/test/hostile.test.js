// Whatever an application passes, throws or returns, and whatever a gateway, a transport or a browser does wrong: nothing is
// thrown into the application, no rejection is left unhandled, and the polls go on. By chance, over many lives.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { answer, cadence, chance, hello, terms, World } from './world.js';

// Such a life takes a hundred times as long as one of the poll loop alone, of which NUDGE_TEST_LIVES is the number.
const lives = globalThis.process?.env.NUDGE_TEST_LIVES ?? globalThis.NUDGE_TEST_LIVES;
const LIVES = lives ? Math.ceil(lives / 10) : globalThis.process ? 400 : 100;
const PART = Math.min(LIVES, 10);

const rejections = [];
const note = (error) => rejections.push(error.reason ?? error);
globalThis.process?.on('unhandledRejection', note);
globalThis.addEventListener?.('unhandledrejection', note);
after(() => globalThis.process?.off('unhandledRejection', note));

const mine = new Error('mine');
const thrower = () => {
  throw mine;
};

/** An object that cannot be touched. */
function untouchable(target) {
  const traps = ['get', 'set', 'has', 'ownKeys', 'getPrototypeOf', 'setPrototypeOf', 'isExtensible', 'preventExtensions', 'getOwnPropertyDescriptor', 'defineProperty', 'deleteProperty', 'apply', 'construct'];
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, thrower])));
}

const NAMES = [
  ...['then', 'versions', 'headers', 'differs', 'get', 'status', 'message', 'json', 'signal', 'immediate', 'projects', 'aborted', 'addEventListener', 'close', 'role', 'bearer', 'held'],
  ...['poll', 'apply', 'writer', 'gateway', 'interval', 'fast', 'transport', 'server', 'hidden', 'push', 'getToken', 'toString', 'valueOf', 'toJSON', Symbol.toPrimitive, Symbol.iterator, '42', 42],
];
const getters = () => Object.defineProperties({}, Object.fromEntries(NAMES.map((name) => [name, { get: thrower, enumerable: true }])));
const circle = {};
circle.self = circle.versions = circle.headers = circle;
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

/** Values that nobody expects; each a function, so that each use has its own. */
const VALUES = [
  () => undefined, () => null, () => NaN, () => Infinity, () => -Infinity, () => -1, () => 0, () => '', () => 'x', () => '123', () => true, () => false, () => 10n, () => Symbol('s'),
  () => [], () => [Symbol('s'), null, circle], () => ({}), () => () => {}, () => thrower, () => class {}, () => Object.create(null), () => Object.freeze({ 42: 1 }), () => circle, getters, () => revoked,
  () => untouchable({}), () => untouchable(() => {}), () => new Date(NaN), () => /x/, () => new Map([[42, 1]]),
  () => ({ then: thrower }), () => ({ then() {} }), () => ({ then: (keep, fail) => (keep(1), fail(mine), keep(2)) }), () => ({ then: (_, fail) => fail(mine) }), () => ({ then: 5 }),
  () => ({ 42: Symbol('s') }), () => ({ 42: 10n, 7: circle }), () => ({ __proto__: null, constructor: 1, 42: '1e3' }), () => ({ versions: { 42: {} }, headers: thrower, differs: [Symbol('s'), Object.create(null)] }),
  () => ({ headers: { get: thrower } }), () => ({ headers: { get: () => Symbol('s') } }), () => ({ versions: untouchable({}) }), () => ({ signal: {} }), () => ({ signal: { addEventListener: thrower } }),
  () => ({ projects: untouchable([]), signal: null, immediate: getters() }), () => JSON.parse('{"__proto__":1,"toString":1,"valueOf":1}'),
];

/** What a gateway may say: any JSON. */
function anything(pick, deep = 0) {
  const values = [null, true, -1, 0, 1, 1e300, 10_000, 60_000, 'x', '124', 'off', 'healthy', 'down', '42', 124, 125.5, [], {}];
  if (deep > 2) return pick(values);
  const keys = ['versions', 'project', 'version', 'push', 'jitter', 'heartbeat_ms', 'gap_ms', 'unknown', 'denied', 'off', 'waiting', 'refusing', 'prev', 'data', 'reset', 'writer', 'toString', '42', '__proto__', 'reason', 'anonymous', 'protocol'];
  return pick([
    () => pick(values),
    () => [anything(pick, deep + 1), anything(pick, deep + 1)],
    () => JSON.parse(`{${[1, 2, 3, 4, 5].map(() => `${JSON.stringify(pick(keys))}:${JSON.stringify(anything(pick, deep + 1))}`).join()}}`),
    () => ({ ...hello, ...terms, project: '42', version: 124, prev: 123, data: 1, [pick(keys)]: anything(pick, deep + 1), [pick(keys)]: anything(pick, deep + 1) }),
  ])();
}

async function live(seed) {
  const world = new World(seed);
  world.calm = async () => {
    for (let n = 0; n < 30; n++) await null; // no chain of promises is longer
  };
  const dice = chance(seed * 31 + 7);
  const pick = (list) => list[Math.floor(dice() * list.length)];
  const evil = () => pick(VALUES)();
  const maybe = (value) => (dice() < 0.4 ? evil() : value);
  const say = (what) => `seed ${seed}: ${what}`;
  let wrong = true; // until the application and the gateway are right again
  let truth = 124;

  // The application.
  const misbehaves = () => {
    const how = dice();
    if (how < 0.3) throw evil();
    if (how < 0.4) return new Promise((keep, fail) => (dice() < 0.5 ? keep(evil()) : fail(evil()), keep(evil())));
    if (how < 0.8) return evil();
    return { versions: maybe({ 42: maybe(124) }), headers: maybe(new Headers()), differs: maybe(['42']) };
  };
  world.poll = () => (wrong && dice() < 0.8 ? misbehaves() : { versions: { 42: truth } });
  let runs = 0;
  const run = () => (runs++, wrong ? misbehaves() : undefined);
  const listener = () => {
    if (wrong && dice() < 0.5) throw evil();
    if (wrong && dice() < 0.1) pick(acts)();
  };

  // What carries streams, and the browser.
  const wild = (on) => {
    const events = () => on.event(maybe(pick(['hello', 'version', 'heartbeat', 'goodbye', 'toString'])), maybe(pick([anything(pick), JSON.stringify(anything(pick)), '{', hello])));
    const does = () => (dice() < 0.6 ? events() : on.lost(maybe(503), maybe(1000)));
    for (let n = 0; n < 4; n++) if (dice() < 0.3) does();
    for (let n = 0; n < 4; n++) world.env().setTimeout(() => wrong && does(), Math.floor(dice() * 5000));
    if (dice() < 0.2) throw evil();
    return dice() < 0.5 ? evil() : { close: maybe(() => {}), role: maybe('solo'), get extra() { throw mine; } };
  };
  const transport = dice() < 0.3 ? Object.assign((_, on) => wild(on), { bearer: maybe(false) }) : dice() < 0.1 ? evil() : undefined;
  const env = {};
  const { fetch } = world.env();
  env.fetch = (...request) => {
    if (!wrong || dice() < 0.5) return fetch(...request);
    if (dice() < 0.2) throw evil();
    return dice() < 0.3 ? evil() : { status: maybe(pick([200, 200, 401, 403, 503])), headers: maybe(new Headers()), json: maybe(async () => anything(pick)) };
  };
  if (dice() < 0.2) env.EventSource = pick([undefined, thrower, class {}, class { addEventListener() { throw mine; } }]);
  if (dice() < 0.2) env.report = thrower;
  if (dice() < 0.2) env.warn = thrower;
  if (dice() < 0.1) env.window = pick([undefined, {}, { addEventListener: thrower }]);
  if (dice() < 0.1) env.document = pick([undefined, {}, { addEventListener: thrower }, { addEventListener() {}, get visibilityState() { throw mine; }, get prerendering() { throw mine; } }]);
  const getToken = dice() < 0.5 ? maybe(() => (wrong ? misbehaves() : 'token')) : undefined;

  // Options; the poll is the one thing that is right.
  const given = { projects: maybe({ 42: 123 }), interval: maybe(10_000), fast: maybe(undefined), hidden: maybe(undefined), push: maybe('auto'), writer: maybe('me'), immediate: maybe(false), server: maybe(true), transport, getToken };
  if (dice() < 0.5) given.apply = maybe((delivery) => (delivery.version = delivery.project = evil(), dice() < 0.5 ? thrower() : misbehaves()));
  if (dice() < 0.2) given.gateway = evil();
  if (dice() < 0.1) given.signal = pick([null, {}, 5, getters(), { aborted: false, addEventListener: thrower }]);
  assert.doesNotThrow(() => world.start(given, env), say('createNudge'));
  const { nudge } = world;
  const undos = [];
  const pauses = [undefined];
  const options = () => (dice() < 0.5 ? maybe(undefined) : { signal: maybe(undefined), immediate: maybe(true), projects: maybe({ 42: 123 }) });
  const keep = (undo) => (assert.equal(typeof undo, 'function'), undos.push(undo));
  const acts = [
    () => keep(nudge.watch(maybe({ 7: maybe(3) }), options())),
    () => keep(nudge.every(maybe(5000), maybe(run), options())),
    () => keep(nudge.subscribe(dice() < 0.3 ? thrower : listener, options())),
    () => nudge.ack(maybe('42'), maybe(124), maybe(123)),
    () => typeof nudge.interval(maybe(5000)),
    () => nudge.setToken(maybe('t')),
    () => void nudge.refresh(evil()),
    () => {
      const reason = maybe('a');
      pauses.push(reason);
      nudge.pause(reason);
      if (dice() < 0.7) nudge.resume(dice() < 0.9 ? reason : evil());
    },
    () => nudge.resume(evil()),
    () => undos.length && pick(undos)(evil()),
    () => nudge.getSnapshot(evil()).versions,
    () => Object.assign(nudge.getSnapshot(), { versions: evil(), stats: evil() }),
  ];
  const happenings = [
    () => world.source?.send(pick(['hello', 'version', 'heartbeat', 'goodbye', 'error', 'x']), anything(pick)),
    () => world.source?.send('hello', hello),
    () => world.source?.send('heartbeat', cadence),
    () => world.source?.fail(),
    () => world.document.show(pick(['hidden', 'visible'])),
    () => world.window.emit(pick(['online', 'pagehide', 'pageshow']), { persisted: dice() < 0.7 }),
  ];
  for (let n = 0; n < 25; n++) {
    const act = pick([...acts, ...happenings]);
    assert.doesNotThrow(act, say(act));
    await world.pass(Math.floor(dice() * dice() * 20_000));
    const { reason, nextPollAt, interval } = world.state;
    assert.equal(typeof reason, 'string', say('there is a snapshot'));
    assert.ok(interval >= 100 && (nextPollAt === null || nextPollAt >= 0), say(`interval ${interval}, next poll at ${nextPollAt}`));
  }

  // All is right again. A project may have come by its name in the meantime: it is watched now in any case.
  wrong = false;
  truth = 130;
  for (const reason of pauses) nudge.resume(reason);
  world.routes = { '/poll-interval': () => answer(502), '/session': () => answer(502) };
  world.document.show('visible');
  world.window.emit('pageshow', { persisted: true });
  for (const undo of undos) undo();
  for (const source of world.sources) source.fail();
  nudge.watch({ 42: 0 });
  runs = 0;
  const polls = world.polls.length;
  // What is in flight is given up after a minute, and a wait after failures is 5 minutes at most. With an interval of Infinity
  // the page asked for one poll a day.
  const { interval, reason } = world.state;
  const patience = Math.max(370_000, interval > 60_000 ? 1.3 * interval : 0);
  await world.pass(patience);
  assert.ok(world.polls.length > polls, say(`no poll in ${patience} ms, at an interval of ${interval} ms, reason ${reason}`));
  nudge.every(5000, run);
  await world.pass(60_000);
  assert.ok(runs > 6, say(`every has run ${runs} times, reason ${world.state.reason}`));
  assert.equal(world.state.versions[42], 130, say('the version'));
  nudge.stop();
  await world.pass(100_000);
  assert.equal(world.timers, 0, say('timers after stop'));
  await new Promise(setImmediate);
  assert.deepEqual(rejections.map(String), [], say('unhandled rejections'));
}

for (let first = 1; first <= LIVES; first += PART) {
  test(`hostile lives from seed ${first}`, async () => {
    for (let seed = first; seed < first + PART; seed++) await live(seed);
  });
}
