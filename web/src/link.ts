import { backoff, between, stretched } from './chance.js';
import type { Clock } from './clock.js';
import { eventSource, query } from './eventsource.js';
import { judge, type Reply, request } from './gateway.js';
import type { Finding, Ledger } from './ledger.js';
import type { State } from './state.js';
import { type Cause, openStream, type Stream } from './stream.js';
import type { Env, Options, Reason, StreamHandle, StreamState } from './types.js';
import type { Message } from './wire.js';

const enum Ms {
  /** The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds. */
  Step = 1000,
  Shortest = 250,
  Longest = 30_000,
  /** A stream that was proven for this long clears the record. */
  Stable = 60_000,
  /**
   * When a gateway dies, all its browsers lose their streams at once. A script cannot see `retry`, so they spread their
   * return over this much, or over the newest spread if that is longer. They poll meanwhile, so nothing is lost by it.
   */
  FirstLoss = 5000,
  /** From the second mute stream in a row, or when streams crowd out polls, push rests: this long, doubled each time. */
  Cool = 300_000,
  Coolest = 3_600_000,
  /** After an intended end nobody polls faster for this long, or until this long after the time to come back. */
  Grace = 60_000,
  GraceMore = 10_000,
  /** A token that lives shorter is left to expire: the gateway says goodbye then. */
  SoonestRenewal = 10_000,
  /** The terms of a gateway that names none hold for six intervals without push, and for this long at most. */
  LongestTerms = 60_000,
  /** A question without an answer for this long has failed. */
  Patience = 15_000,
}

/** Why nothing is tried at the moment. Only a pause of the link's own choice may be cut short. */
const enum Rest {
  Own,
  Asked, // the gateway said when to come back
  Verdict, // no stream is to be had for now
  Away, // the page has been left
}

/**
 * The link to the gateway: it keeps one good stream open, as far as the gateway lets it. Two for a moment when one replaces
 * the other: the old one goes when the new one is proven. No verdict is for ever: each wait ends with another try.
 */
export interface Link {
  /** Opens the first stream, or that after `suspend`. */
  start(): void;
  /** The page is left; it may come back. */
  suspend(): void;
  /** The page was away, or the network: whatever stream there is may be dead without knowing. */
  renew(): void;
  /** A poll goes unanswered. The page's streams may hold the connection that it needs: they make way for long. */
  crowded(): void;
  /** Tells the gateway of a version that it should have announced. Nothing follows from the answer. */
  report(finding: Finding): void;
  /** The poll interval that its proven stream allows, or that the grace after one keeps. */
  rare(): number | undefined;
  stream(): StreamState;
  role(): NonNullable<StreamHandle['role']>;
  reason(): Reason;
}

export function createLink(
  env: Env,
  clock: Clock,
  state: State,
  ledger: Ledger,
  {
    gateway = env.origin,
    getToken,
    transport = env.EventSource && eventSource(env.EventSource),
  }: Pick<Options, 'gateway' | 'getToken' | 'transport'>,
  /** There is news, to be polled for within `spread` ms. */
  news: (spread: number) => void,
  /** Whether the page has what an advance upon its own version brings. */
  takes: (advance: Message) => boolean | void,
): Link {
  const { now, random } = env;
  const root = gateway.replace(/\/+$/, '');
  const step = clock.alarm();
  const ease = clock.alarm();
  const renewal = clock.alarm();

  let token: string | null = null; // the newest
  let held: Stream | undefined; // the one that counts
  let fresh: Stream | undefined; // the one that is to replace it
  let grace: number | undefined; // the poll interval kept after a goodbye
  let rest = Rest.Own;
  let attempt = 0; // answers to an earlier one are not heard
  let failures = 0;
  let mutes = 0; // mute streams in a row
  let crowds = 0; // how often streams made way for polls; no proof speaks against it
  let mute = false; // the last stream was one
  let armed = false; // the renewal of the token has its time
  let ttl: number | undefined; // how long the gateway's terms hold
  let retold = false; // the token has been fetched anew because the gateway refused it
  let provenAt = 0; // when the newest proof was given
  let spread = 0; // the newest

  // Steps. One is pending or under way at any time; a new one takes the place of the old.

  function wait(ms: number, next: () => void, why: Reason, how = Rest.Own) {
    attempt++;
    rest = how;
    state.reason = why;
    step.set(ms, next);
  }

  function failed(why: Reason, next: () => void, atLeast = 0) {
    mute = false;
    const own = backoff(random, failures++, Ms.Step, Ms.Shortest, Ms.Longest);
    wait(Math.max(own, stretched(random, atLeast, state.jitter)), next, why, atLeast ? Rest.Asked : Rest.Own);
  }

  /** Gives up streams until the verdict may have changed: as long as the terms hold, if nothing else is said. */
  function halt(why: Reason, next = ask, ms = ttl ?? Math.min(6 * state.fast, Ms.LongestTerms)) {
    drop(fresh);
    drop(held);
    grace = undefined;
    mute = retold = false;
    wait(stretched(random, ms, state.jitter), next, why, Rest.Verdict);
  }

  /** The n-th long rest. */
  function cool(n: number): number {
    return Math.min(Ms.Coolest, Ms.Cool * 2 ** n) * between(random, 0.8, 1.2);
  }

  /** Waits for an answer, unless something else begins meanwhile. None in time is a failure. */
  function expect<T>(answer: Promise<T>, act: (value: T) => void, again: () => void, why: Reason) {
    const mine = ++attempt;
    const fail = () => failed(why, again);
    step.set(Ms.Patience, fail);
    answer.then(
      clock.turn((value) => mine === attempt && act(value)),
      clock.turn(() => mine === attempt && fail()),
    );
  }

  /** Puts a question to the gateway: with a cookie, or with the token itself. */
  function call(path: string, init?: RequestInit): Promise<Reply> {
    if (transport?.bearer) init = { ...init, credentials: 'omit', headers: bearer() };
    return request(env, root + path, init);
  }

  function bearer(): HeadersInit {
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** Asks how things stand, and so why a stream may have ended. */
  function ask() {
    expect(call(`/poll-interval?${query(ledger.marks())}`), (reply) => heed(reply, ask), ask, 'unreachable');
  }

  /** Gives the token to the gateway, for a cookie, unless each request has it: no URL should ever hold one. */
  function authorize() {
    armed = false;
    expect(
      (async () => getToken!())(),
      (given) => {
        token = given;
        if (!token) return halt('token', authorize);
        if (transport?.bearer) return open();
        const init = { method: 'POST', headers: bearer() };
        expect(call('/session', init), (reply) => heed(reply, authorize), authorize, 'unreachable');
      },
      authorize,
      'token',
    );
  }

  function heed(reply: Reply, again: () => void) {
    const { ttl_ms, connect_after_ms } = reply.message;
    ttl = ttl_ms ?? ttl;
    const verdict = judge(reply, ledger.ids());
    follow(reply.message);
    if (verdict === 'busy' || verdict === 'unreachable') return failed(verdict, again, reply.retryAfter);
    // A cookie that has expired is not sent: to the gateway this page then is nobody, whom nothing covers.
    if ((verdict === 'token' || verdict === 'denied') && getToken && !retold) {
      retold = true;
      return authorize();
    }
    if (verdict === 'off') state.push = verdict;
    if (verdict !== 'go') return halt(verdict, verdict === 'token' && getToken ? authorize : ask);

    // The network is fine, so a mute stream was not its fault.
    const rests = mute && ++mutes > 1;
    mute = false;
    if (rests) return wait(cool(mutes - 2), ask, 'mute', Rest.Asked);
    if (connect_after_ms) return wait(stretched(random, connect_after_ms, state.jitter), open, state.reason, Rest.Asked);
    open();
  }

  function open() {
    attempt++;
    step.clear();
    if (!transport) {
      rest = Rest.Verdict;
      state.reason = 'unsupported';
      return;
    }
    rest = Rest.Own;
    drop(fresh);
    state.stats.streams++;
    const stream = openStream(env, clock, transport, { gateway: root, projects: ledger.marks(), token }, {
      any(message) {
        state.stats.events++;
        state.lastEventAt = now();
        follow(message);
      },
      hello: greeted,
      version(message) {
        spread = message.spread_ms;
        if (ledger.advance(message, () => takes(message))) news(spread);
      },
      goodbye: (message) => dismissed(stream, message),
      proven: () => proven(stream),
      lost: (cause) => lost(stream, cause),
    });
    if (held) fresh = stream;
    else held = stream;
  }

  // What streams tell.

  function follow({ push, fast_ms, jitter, gap_ms }: Message) {
    state.push = push ?? state.push;
    state.fast = fast_ms ?? state.fast;
    state.jitter = jitter ?? state.jitter;
    if (fast_ms) state.gap = gap_ms; // a cadence that does not name it means the usual one
  }

  function greeted(message: Message) {
    retold = false;
    state.reason = 'proving';
    spread = message.spread_ms;
    if (ledger.hello(message)) news(spread);
    // A fleet that logged in together need not renew together.
    const left = message.token_expires_in_s! * 1000 * between(random, 0.7, 0.9);
    if (!getToken || armed || !(left >= 0)) return;
    armed = true;
    renewal.set(Math.max(left, Ms.SoonestRenewal), () => {
      armed = false;
      if (held) authorize();
    });
  }

  function proven(stream: Stream) {
    if (stream === fresh) drop(held);
    provenAt = now();
    grace = undefined;
    mutes = 0;
  }

  function dismissed(stream: Stream, { reason, after_ms, spread_ms }: Message) {
    if (reason === 'off') state.push = reason;
    if (reason === 'off' || reason === 'revoked') {
      return halt(reason === 'off' ? reason : 'denied', ask, after_ms + random() * Math.max(spread_ms, Ms.FirstLoss));
    }
    const ms = after_ms + random() * spread_ms;
    const counted = stream.state === 'proven';
    if (counted) {
      grace = stream.poll;
      ease.set(Math.max(Ms.Grace, ms + Ms.GraceMore), () => (grace = undefined));
    }
    if (drop(stream)) return;
    // A gateway that sends everybody away at once must not be asked again at once.
    const least = counted ? Ms.Shortest : between(random, 1000, 2000);
    const next = reason === 'expired' && getToken ? authorize : open;
    wait(Math.max(ms, least), next, reason === 'overload' ? 'busy' : 'goodbye', Rest.Asked);
  }

  function lost(stream: Stream, cause: Cause) {
    const stable = stream.state === 'proven' && now() - provenAt >= Ms.Stable;
    if (stable) failures = 0;
    if (drop(stream)) return;
    if (!held) state.push = 'unknown';
    mute = cause === 'mute';
    if (mute) return wait(between(random, 5000, 15_000), ask, cause as Reason);
    if (!stable) return failed('lost', ask);
    failures++;
    wait(between(random, Ms.Shortest, Math.max(Ms.FirstLoss, spread)), ask, 'lost');
  }

  /** Lets go of a stream; true if the other takes its place. */
  function drop(stream: Stream | undefined): boolean {
    stream?.close();
    const heir = stream === held && fresh;
    if (stream === held) held = fresh;
    fresh = undefined;
    return !!heir;
  }

  const start = () => (getToken ? authorize() : open());

  return {
    start,
    suspend() {
      rest = Rest.Away;
      attempt++;
      step.clear();
      drop(fresh);
      drop(held);
      state.reason = 'hidden';
    },
    renew() {
      const back = rest === Rest.Away;
      if (!back && (rest || fresh || held?.state === 'connecting')) return;
      wait(random() * 1000, back ? start : held ? open : ask, state.reason);
    },
    crowded() {
      if (!held) return;
      state.push = 'unknown';
      halt('crowded');
      wait(cool(crowds++), ask, 'crowded', Rest.Verdict);
    },
    report(finding) {
      call('/missed', { method: 'POST', body: JSON.stringify(finding) }).catch(() => {});
    },
    rare: () => (held?.state === 'proven' ? held.poll : grace),
    stream: () => held?.state ?? (rest > Rest.Asked ? 'none' : 'waiting'),
    role: () => held?.role ?? 'solo',
    reason() {
      if (held?.state !== 'proven') return state.reason;
      if (ledger.uncovered()) return 'uncovered';
      return state.push === 'degraded' || state.push === 'down' ? state.push : 'streaming';
    },
  };
}
