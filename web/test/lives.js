// Random lives of a page: what happens next, mostly something that can.

import { reduce } from '../.build/reduce.js';
import { Deed, Kind } from '../.build/state.js';
import { read } from '../.build/wire.js';

const number = (names, name) => names[name[0].toUpperCase() + name.slice(1)];
const word = (names, number) => names[number]?.toLowerCase();

/** `reduce`, with words for what are numbers in the shim. */
export function turn(state, { kind, message, ...event }, now, random) {
  const sign = ['hello', 'version', 'heartbeat', 'goodbye'].includes(kind) ? kind : undefined;
  const said = message === undefined ? {} : { message: read(message) };
  const [after, effects] = reduce(state, { kind: number(Kind, sign ? 'said' : kind), sign, ...event, ...said }, now, random);
  return [after, effects.map((effect) => ({ ...effect, kind: word(Deed, effect.kind) }))];
}

/** What happens next, by the dice, mostly something that can. */
export function happening(state, dice, seen) {
  const pick = (list) => list[Math.floor(dice() * list.length)];
  const maybe = (p, value) => (dice() < p ? value : undefined);
  const whole = (most) => Math.floor(dice() * most);
  const version = (id) => Math.max(0, (state.ledger.find((e) => e.id === id)?.have ?? 5) + pick([-2, 0, 1, 1, 1, 3]));
  const cadence = () => ({
    push: pick(['healthy', 'healthy', 'healthy', 'degraded', 'down']),
    poll_ms: pick([300_000, 300_000, 30_000]),
    fast_ms: pick([10_000, 10_000, 20_000]),
    jitter: 0.2,
    heartbeat_ms: pick([25_000, 5000]),
    gap_ms: pick([1000, 1000, 3000, 0]),
  });
  const versions = () => Object.fromEntries(['42', '7'].filter(() => dice() < 0.85).map((id) => [id, version(id)]));
  const stream = pick([state.held, state.held, state.fresh].filter(Boolean).concat(dice() < 0.03 ? { id: 99 } : []));
  const said = {
    hello() {
      const known = versions();
      const unknown = ['42', '7'].filter((id) => !(id in known) && dice() < 0.5);
      return { ...cadence(), spread_ms: pick([0, 0, 4000]), versions: known, unknown, token_expires_in_s: maybe(0.5, 60 + whole(600)) };
    },
    version() {
      const project = pick(['42', '42', '7', '8']);
      const next = version(project);
      const more = pick([{}, {}, { prev: next - 1 }, { prev: next - 1, data: { a: 1 } }, { prev: next - 1, writer: 'me' }, { reset: true }]);
      return { project, version: next, spread_ms: pick([0, 0, 2000, 9000]), ...more };
    },
    heartbeat: cadence,
    goodbye: () => ({
      reason: pick(['drain', 'rotate', 'off', 'expired', 'revoked', 'overload']),
      after_ms: whole(3000),
      spread_ms: pick([0, 5000]),
    }),
  };
  const wait = () => pick([0, 0, 0, 1000 + whole(40_000)]);

  const way = dice();
  if (way < 0.36 && stream) {
    const expected = { connecting: ['hello', 'hello', 'hello'], open: ['heartbeat', 'heartbeat', 'version'], proven: ['version', 'heartbeat', 'hello'] };
    const kind = dice() < (stream.state === 'proven' ? 0.6 : 0.75) ? pick(expected[stream.state] ?? ['hello']) : pick(['hello', 'version', 'heartbeat', 'goodbye', 'lost']);
    if (stream.state) seen.add(`${stream.state} ${kind}`);
    return kind === 'lost' ? { kind, id: stream.id } : { kind, id: stream.id, message: said[kind]() };
  }
  if (way < 0.5 && state.question) {
    const id = dice() < 0.97 ? state.question : 77;
    if (dice() < 0.1) return { kind: 'failed', id };
    if (state.what === 'token') return { kind: 'token', id, granted: dice() < 0.85 };
    const body = { terms: { ...cadence(), ttl_ms: pick([60_000, 30_000]) }, session: {}, versions: { ...cadence(), spread_ms: pick([0, 3000]), versions: versions() } };
    const oddity = pick([{}, {}, {}, { push: 'off' }, { refusing: 'draining' }, { connect_after_ms: 5000 }, { denied: ['42', '7'] }, { off: ['42', '7'] }]);
    const message = { ...body[state.what], ...(state.what === 'terms' ? oddity : {}) };
    const status = dice() < 0.75 ? { terms: 200, session: 204, versions: 200 }[state.what] : pick([200, 400, 401, 403, 404, 429, 503]);
    return { kind: 'replied', id, status, retryAfter: status > 400 ? wait() : 0, message: status < 400 && dice() < 0.95 ? message : {} };
  }
  if (way < 0.7 && state.flight) {
    const id = dice() < 0.97 ? state.flight : 88;
    const common = { id, retryAfter: wait(), pollInterval: wait() };
    if (dice() < 0.15) return { kind: 'unpolled', ...common };
    const found = Object.fromEntries(state.ledger.filter(() => dice() < 0.7).map((e) => [e.id, pick([e.asked?.want ?? e.have, version(e.id)])]));
    return { kind: 'polled', ...common, versions: found };
  }
  if (way < 0.76) return { kind: pick(['leave', 'back', 'online', 'hidden', 'visible', 'refresh']) };
  if (way < 0.79) {
    const next = version('42');
    return { kind: 'made', project: '42', version: next, prev: pick([undefined, next - 1]) };
  }
  return { kind: 'tick' };
}
