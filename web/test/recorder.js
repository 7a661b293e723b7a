// Records lives: what happens next, by the dice, mostly something that can.

import { Life, PROJECTS } from './life.js';
import { chance } from './world.js';

/**
 * A life of so many steps. `seen` is what earlier lives went through. Every third has much news and few troubles; others have an
 * application that is slow, or that lags behind what is announced. `more`: with
 * what the Go model does not have. `cut`: something ends each stream at this age.
 */
export async function record(seed, random, steps, seen, { more = false, cut } = {}) {
  const dice = chance(seed);
  const life = new Life(random);
  life.seen = seen;
  const record = [];
  const note = async (event, sleeps) => {
    const { at } = life;
    const result = await life.step({ at, sleeps, event });
    record.push({ at, sleeps, event, ...result });
    return record.at(-1);
  };
  await note({ kind: 'start' });
  for (let n = 1; n < steps; n++) {
    const { event, after, until, sleeps } = next(life, dice, { newsy: seed % 3 === 0, slow: seed % 6 === 1, lags: seed % 6 === 5, cut }, more);
    if (sleeps) await life.nap(after);
    else if (until) await quiet(life, after);
    else await life.pass(after);
    const { out = [] } = await note(event, sleeps);
    // The model has no held requests. And where a poll and a stream begin together after a sleep, so do their timers: then the
    // rest would depend on which of them came first.
    const together = record.at(-2).sleeps && out.some((a) => a.did === 'poll' && out.some((b) => b.did === 'open' && b.at === a.at));
    if (!more && (together || out.some(({ path }) => path === '/versions'))) {
      record.pop();
      break;
    }
  }
  life.nudge.stop();
  return { random, projects: PROJECTS, more: more || undefined, steps: record };
}

/** Lets time pass until the page does something, or for so long. */
async function quiet(life, ms) {
  const end = life.now + ms;
  while (!life.out.length && (await life.ring(end)));
  if (!life.out.length) life.now = end;
  await life.pass(0);
}

function next(life, dice, { newsy, slow, lags, cut }, more) {
  const calm = newsy || slow || lags || cut;
  const pick = (list) => list[Math.floor(dice() * list.length)];
  /** Picks one that no life had so far, while there are any. */
  const fresh = (list, name) => {
    const rare = list.filter((value) => !life.seen.has(name(value)));
    return pick(rare.length ? rare : list);
  };
  const whole = (most) => Math.floor(dice() * most);
  const { versions } = life.state;
  const open = life.streams.filter(({ state }) => state !== 'closed');
  const stream = pick(open);
  const flight = life.flights.findLastIndex((f) => f.open && !f.aborted) + 1;
  const stale = life.flights.findLastIndex((f) => f.open && f.aborted) + 1;
  const ask = life.asks.findLastIndex((a) => a.open) + 1;

  const version = (id) => Math.max(0, (versions[id] ?? 5) + pick([-2, 0, 1, 1, 1, 3]));
  const cadence = () => ({
    push: pick(['healthy', 'healthy', 'healthy', 'degraded', 'down']),
    poll_ms: pick([300_000, 300_000, 420_000, 30_000]),
    fast_ms: pick([10_000, 10_000, 14_000, 20_000]),
    jitter: pick([0.2, 0.2, 0.2, 0.5]),
    heartbeat_ms: pick([25_000, 7000, 400_000, 400_000, 400_000]), // not 5 s: twice that is when a poll counts as unanswered
    gap_ms: pick([undefined, 1000, 3000, 0]),
  });
  const known = () => Object.fromEntries(Object.keys(PROJECTS).filter(() => dice() < 0.85).map((id) => [id, version(id)]));
  const reasons = ['drain', 'rotate', 'off', 'expired', 'revoked', 'overload'];
  const say = {
    hello() {
      const versions = known();
      return { ...cadence(), spread_ms: pick([0, 0, 4000]), versions, unknown: Object.keys(PROJECTS).filter((id) => !(id in versions) && dice() < 0.5) };
    },
    version() {
      const project = pick(['42', '42', '7', '8']);
      const of = { project, version: version(project), spread_ms: pick([0, 0, 2000, 9000]) };
      return dice() < 0.15 ? { ...of, reset: true } : of;
    },
    heartbeat: cadence,
    goodbye() {
      const reason = fresh(reasons, (why) => `${stream.state}: goodbye ${why}`);
      return { reason, after_ms: whole(3000), spread_ms: pick([0, 5000]) };
    },
  };
  const said = (kind, after) => ({ event: { kind, number: stream.number, message: say[kind]() }, after });
  const wishes = (...names) => Object.fromEntries(names.filter(() => dice() < 0.2).map((name) => [name, String(1 + whole(40))]));

  function connecting() {
    const way = cut ? 0 : dice();
    if (way < 0.85) return said('hello', 20 + whole(dice() < 0.8 ? 400 : 9000));
    if (way < 0.9) return { event: { kind: 'lost', number: stream.number }, after: whole(300) };
    if (way < 0.96) return said(pick(['version', 'heartbeat', 'goodbye']), whole(500));
    return { event: { kind: 'time' }, after: 60_000, until: true };
  }
  function opened() {
    const way = cut ? 0 : dice();
    const goodbyes = reasons.some((why) => !life.seen.has(`open: goodbye ${why}`)) ? 0.1 : 0;
    if (way < 0.85 - goodbyes) return said(pick(['heartbeat', 'heartbeat', 'version']), dice() < 0.2 ? whole(500) : 500 + whole(dice() < 0.7 ? 1000 : 4400));
    if (way < 0.92) return said(pick(['hello', 'goodbye', 'goodbye']), whole(1500));
    if (way < 0.95) return { event: { kind: 'lost', number: stream.number }, after: whole(3000) };
    return { event: { kind: 'time' }, after: 60_000, until: true };
  }
  function proven() {
    const left = cut - (life.now - stream.helloAt);
    if (cut && left <= 0) return { event: { kind: 'lost', number: stream.number }, after: 0 };
    if (cut && dice() < 0.8) return { event: { kind: 'time' }, after: left, until: true };
    const way = calm ? dice() * 0.55 : dice();
    if (newsy && way < 0.4) return said('version', whole(pick([300, 1500, 6000])));
    if (way < 0.3) return said('version', whole(dice() < 0.5 ? 900 : 8000));
    if (way < 0.45) return said('heartbeat', whole(20_000));
    if (way < 0.5) return said('hello', whole(2000));
    if (way < 0.6) return said('goodbye', whole(dice() < 0.5 ? 3000 : 70_000));
    if (way < 0.66) return { event: { kind: 'lost', number: stream.number }, after: whole(dice() < 0.5 ? 3000 : 70_000) };
    return { event: { kind: 'time' }, after: 400_000, until: true };
  }
  function answers() {
    let after = 20 + whole(calm ? 500 : pick([300, 300, 300, 300, 300, 3000, 8000, 15_000, 30_000]));
    if (slow) after += pick([0, 3000, 6000, 10_000, 10_500, 11_500, 12_500, 14_000, 18_000, 25_000, 45_000]);
    const headers = wishes('Retry-After', 'X-Poll-Interval');
    if (dice() < 0.12) return { event: { kind: 'unpolled', number: flight, headers: wishes('Retry-After') }, after };
    if (dice() < 0.04) return { event: { kind: 'time' }, after: 61_000 };
    const { projects: wanted, reason } = life.flights[flight - 1];
    if (reason === 'interval' && dice() < 0.3) { // what push may have missed
      life.then = { event: { kind: 'time' }, after: 5000 };
      return { event: { kind: 'polled', number: flight, versions: { 42: versions[42] + 1 }, headers: {} }, after };
    }
    const found = Object.entries(wanted).filter(() => dice() < 0.75);
    const old = dice() < (lags ? 0.95 : { news: 0.4, behind: 0.85 }[reason] ?? 0.1); // a replica that lags
    const has = Object.fromEntries(found.map(([id, { have, want }]) => [id, old ? have : pick([want ?? have, want ?? have, version(id)])]));
    return { event: { kind: 'polled', number: flight, versions: has, headers }, after };
  }
  function replies() {
    const after = 20 + whole(400);
    if (dice() < 0.1) return { event: { kind: 'failed', number: ask }, after };
    if (dice() < 0.04) return { event: { kind: 'time' }, after: 16_000 };
    const { path } = life.asks[ask - 1];
    if (path === '/versions') return { event: { kind: 'replied', number: ask, status: 200, message: { ...cadence(), spread_ms: 0, versions: known() } }, after: whole(25_000) };
    const oddity = pick([
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, { push: 'off' }, { refusing: 'draining' }, { connect_after_ms: 5000 }, { denied: ['42', '7'] }, { off: ['42', '7'] },
      { denied: ['42'] }, { fast_ms: undefined },
    ]);
    const status = dice() < 0.85 ? 200 : fresh([400, 401, 403, 404, 429, 500, 503], (status) => `answer: ${status}`);
    const headers = status > 400 ? wishes('Retry-After') : {};
    const message = status === 200 ? { ...cadence(), ttl_ms: pick([60_000, 30_000, undefined]), denied: [], off: [], refusing: '', ...oddity } : undefined;
    return { event: { kind: 'replied', number: ask, status, headers, message }, after };
  }
  function visits() {
    const hidden = life.document.visibilityState === 'hidden';
    const kind = hidden && dice() < 0.6 ? 'visible' : pick(['leave', 'back', 'online', 'hidden', 'hidden', 'visible', 'refresh']);
    if (kind === 'leave' && dice() < 0.7) life.then = { event: { kind: 'back' }, after: whole(100_000) };
    return { event: { kind }, after: whole(pick([1000, 1000, 40_000, 100_000])) };
  }
  function others() {
    const kind = pick(['pause', 'resume', 'resume', 'watch', ...(life.unwatch ? ['unwatch', 'unwatch'] : []), 'ack']);
    const now = version('42');
    const what = { watch: { projects: { 9: 3, 42: 1 } }, ack: { project: '42', version: now, prev: pick([undefined, now - 1]) } };
    return { event: { kind, ...what[kind] }, after: whole(2000) };
  }

  const { then } = life;
  life.then = undefined;
  if (then) return then;
  const can = cut ? [] : [
    [visits, calm ? 0.1 : 0.5],
    [() => ({ event: dice() < 0.5 || !stream ? { kind: 'time' } : said('heartbeat').event, after: 1000 + whole(150_000), sleeps: true }), life.seen.has(`asleep: ${stream?.state}`) ? 0.2 : 1],
    [() => ({ event: { kind: 'time' }, after: pick([5000, 60_000, 400_000]), until: true }), calm ? 0.1 : 0.5],
  ];
  if (more) can.push([others, 1]);
  if (stale) can.push([() => ({ event: { kind: 'polled', number: stale, versions: { 42: 900 }, headers: {} }, after: whole(2000) }), 2]);
  if (flight) can.push([answers, 5]);
  if (ask) can.push([replies, 6]);
  if (stream) can.push(stream.state === 'proven' ? [proven, 3] : [{ connecting, open: opened }[stream.state], 8]);
  if (cut && !ask && !stream) can.push([() => ({ event: { kind: 'time' }, after: 60_000, until: true }), 5]);
  let way = dice() * can.reduce((sum, [, weight]) => sum + weight, 0);
  return can.find(([, weight]) => (way -= weight) < 0)[0]();
}
