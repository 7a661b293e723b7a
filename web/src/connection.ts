// The connection to the gateway: one good stream open, as far as the gateway lets it. It knows nothing of polls but how long they
// take, and may be wrong in any way: all that it can do is tell the page of a pace and of news. No refusal is for ever: each
// wait ends with another try.
//
//   begin → token → session → stream: connecting → open → proven
//                     terms ↗           └───────┴───────┴──→ lost, mute, goodbye, crowded, left → wait → terms or stream
//
// Two streams are open for a moment when one replaces the other: the old one goes when the new one is proven.

import { judge, type Reply, request, type Verdict } from './requests.js';
import { type Message, read } from './messages.js';
import { backoff, between, stretched } from './pace.js';
import { createTimer, type Timer } from './timer.js';
import { EVENT_NAMES } from './transports/eventsource.js';
import { MAX_PROJECTS, projectQuery } from './transports/url.js';
import type { Core } from './env.js';
import type { Options, Push, Reason, StreamHandle, Transport } from './types.js';

export const enum Ms {
  /** A gateway says hello within 2 s; the rest is for slow networks. */
  Connect = 10_000,
  /** A stream is proven by an event this long after its first hello: not with it, and not when it was too late. */
  ProofFrom = 500,
  ProofTo = 5000,
  /** A stream that was proven for this long clears the record of failures. */
  Stable = 60_000,
  /** A timer later than this means that the page was asleep: events that queued up meanwhile get `Drain` to come out. */
  Late = 1000,
  Drain = 1000,
  /** The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds. */
  Step = 1000,
  Shortest = 250,
  Longest = 30_000,
  /** When a gateway dies, its browsers lose their streams at once. They come back spread over this, or over the newest spread. */
  FirstLoss = 5000,
  /** A question without an answer for this long has failed. */
  Patience = 15_000,
  /** The terms of a gateway that names no time hold for six intervals without push, and for this long at most. */
  LongestTerms = 60_000,
  /** From the second mute stream in a row, or when streams leave polls no connection, they rest: this long, doubled each time. */
  Rest = 300_000,
  LongestRest = 3_600_000,
  /** After an intended end the slow pace stays for this long, or for this long after the time to come back. */
  Grace = 60_000,
  GraceMore = 10_000,
  /** A token with less left is not renewed: the gateway says goodbye when it ends. */
  SoonestRenewal = 10_000,
  /** Projects that are added one after the other share a new stream. */
  Gather = 50,
  /** A hidden page lets its stream go after this long: over HTTP/1.1 six of them leave no connection for anything else. */
  Hidden = 60_000,
  /** A poll without an answer for this long may find no connection: a browser has six per host for all tabs over HTTP/1.1. */
  Crowded = 10_000,
  /** If streams were to blame, a poll is answered within this, or within `Quick` and twice the usual time if that is less. */
  Freed = 2000,
  Quick = 500,
  /** A poll that took longer than this was slow. */
  Slow = 5000,
}

/** A poll that has not been answered. */
interface Pending {
  readonly since: number;
  /** How often streams have made way for it, and when they last did. */
  tries: number;
  yieldedAt: number;
  readonly overdue: Timer;
  asleep?: boolean;
}

/** What the connection needs of the page. */
export interface Page {
  /** Per project the version to name to gateways. Empty: there is nothing to connect for. */
  marks(): Record<string, number>;
  /** A new stream is opened: projects that nobody watches any more can go. */
  opening(): void;
  /** A hello, or an advance, of an open stream. */
  hello(message: Message): void;
  version(message: Message): void;
  getToken: Options['getToken'];
}

export interface Settings {
  /** Root of the gateway, without trailing slash. Empty: there is none to ask. */
  readonly gateway: string;
  /** How streams are opened; missing where the browser cannot. */
  readonly transport: Transport | undefined;
  /** What brings news where streams do not get through. */
  readonly held: Transport;
  /** The page wants no stream: the gateway only sets the pace. */
  readonly off: boolean;
  readonly fast: number;
}

interface Stream {
  state: 'connecting' | 'open' | 'proven';
  /** It is a series of held requests: it brings news, and is never proven. */
  readonly held: boolean;
  /** The poll interval that it allows once it is proven. */
  poll?: number | undefined;
  heartbeat: number;
  helloAt: number;
  lastAt: number;
  /** When it is lost, unless it has come further by then. */
  readonly due: Timer;
  /** What had piled up while the page slept has had its time. */
  drained?: boolean;
  handle?: StreamHandle;
  over?: boolean;
}

/** Why nothing is tried at the moment. Only a wait of our own choice may be cut short. */
const enum Wait {
  Own,
  Asked, // the gateway said when to come back
  Refused, // no stream is to be had for now
  Away, // the page is not there, or does not want one
}

export type Connection = ReturnType<typeof createConnection>;

export function createConnection(env: Core, page: Page, settings: Settings) {
  const { gateway, transport, held } = settings;
  const bearer = !!transport?.bearer;
  const draw = () => env.random();

  // What gateways said last.
  let push: Push = 'unknown';
  let fast = settings.fast;
  let jitter = 0.2;
  let gap = 1000;
  let spread = 0;
  let ttl: number | undefined;

  let current: Stream | undefined; // the one that counts
  let fresh: Stream | undefined; // the one that is to replace it
  let streams = 0; // opened so far
  let events = 0; // heard so far
  let lastEventAt: number | null = null;
  let provenAt = 0; // when the newest proof was given
  let reason: Reason = 'starting';
  let stopped = false;

  // What comes next. One step is waited for, or one question is asked, at any time.
  let waiting: Wait = Wait.Away;
  let next = () => {};
  const step = createTimer(env, () => next());
  let question: AbortController | undefined;
  let notBefore = 0; // a page that was away comes back no sooner than this: the wait it was in counts on

  // The poll interval that stays in force after a stream has ended as intended.
  let grace: number | undefined;
  const graceEnd = createTimer(env, endGrace);

  // Failures in a row: lost streams, mute ones. And how often streams left polls no connection.
  let losses = 0;
  let mute = false;
  let mutes = 0;
  let crowds = 0;
  let crowdedAt = 0;
  let heldUntil = 0; // until when held requests stand in for streams

  // The token.
  let tokens = !!page.getToken; // there is a way to get one
  let given: string | null | undefined; // by `setToken`
  let token: string | null | undefined; // in use
  let granted = false; // the gateway has it, or gets it with each request
  let session = false; // the gateway made a cookie of it
  let refused = false; // it was fetched anew since the gateway refused it
  let expiresAt = Infinity;
  const renewal = createTimer(env, () => current && fetchToken());

  // How long polls take: one that finds no connection takes long, and so does one of a slow application.
  let patience: number = Ms.Crowded;
  let usual: number = Ms.Quick;
  let yielding: Pending | undefined; // the poll that streams have made way for

  // ---- what a gateway says of the cadence

  function follow(message: Message) {
    push = message.push ?? push;
    fast = message.fast_ms ?? fast;
    jitter = message.jitter ?? jitter;
    if (message.fast_ms) gap = message.gap_ms; // a cadence that does not name it means the usual one
  }

  /** The poll interval that the proven stream allows, or the grace after one. */
  function rare(): number | undefined {
    return current?.state === 'proven' ? current.poll : grace;
  }

  function endGrace() {
    grace = undefined;
    graceEnd.set(Infinity);
  }

  function keepPace(ms: number | undefined, until: number) {
    grace = ms;
    graceEnd.set(until);
  }

  // ---- waits

  function wait(ms: number, then: () => void, why: Reason, kind: Wait = Wait.Own) {
    if (stopped) return;
    cancel();
    yielding = undefined;
    waiting = kind;
    reason = why;
    next = then;
    step.set(env.now() + ms);
  }

  /** Nobody waits for its answer any more: it would keep a connection, or bring the cookie of a user who has left. */
  function cancel() {
    const life = question;
    question = undefined;
    if (life) env.after(() => life.abort());
  }

  /** Asks. No answer in time is a failure, which ends in `otherwise`. */
  function ask<T>(send: (signal: AbortSignal) => Promise<T>, then: (answer: T) => void, otherwise: () => void) {
    wait(Ms.Patience, otherwise, reason, waiting);
    if (stopped) return;
    const life = (question = new AbortController());
    const answered = (act: () => void) =>
      env.enter(() => {
        if (life !== question) return;
        cancel();
        step.set(Infinity);
        act();
      });
    send(life.signal).then((answer) => answered(() => then(answer)), () => answered(otherwise));
  }

  function failed(why: Reason, then: () => void, atLeast = 0) {
    mute = false;
    const own = backoff(draw(), losses++, Ms.Step, Ms.Shortest, Ms.Longest);
    wait(Math.max(own, stretched(draw(), atLeast, jitter)), then, why, atLeast ? Wait.Asked : Wait.Own);
  }

  /** No stream until the refusal may have changed: as long as the terms hold, if nothing else is said. */
  function halt(why: Reason, then = terms, ms = ttl ?? Math.min(6 * fast, Ms.LongestTerms)) {
    leave(why);
    endGrace();
    mute = refused = false;
    wait(stretched(draw(), ms, jitter), then, why, Wait.Refused);
  }

  /** The page has gone, or wants no stream. */
  function leave(why: Reason) {
    drop(fresh);
    drop(current);
    heldUntil = 0;
    wait(Infinity, () => {}, why, Wait.Away);
  }

  /** The n-th long rest. */
  function rest(n: number): number {
    return Math.min(Ms.LongestRest, Ms.Rest * 2 ** n) * between(draw(), 0.8, 1.2);
  }

  // ---- begin → token → session

  function begin() {
    waiting = Wait.Own;
    if (!Object.keys(page.marks()).length) wait(Infinity, () => {}, reason); // until there is something to watch
    else if (tokens && !(granted && env.now() < expiresAt - Ms.SoonestRenewal)) authorize();
    else if (settings.off) terms();
    else open();
  }

  /** Gets a token, and gives it to the gateway for a cookie unless each request carries it. No URL ever holds one. */
  function authorize() {
    if (token && !granted) grant(); // the gateway could not be reached with this one
    else fetchToken();
  }

  function fetchToken() {
    renewal.set(Infinity);
    const why = refused ? 'refused' : provenAt ? 'expiring' : 'start';
    if (refused) given = undefined;
    granted = false;
    ask(
      async (signal) => (given !== undefined ? given : page.getToken?.({ reason: why, signal })),
      (got) => {
        token = got;
        if (got) grant();
        else halt('token', authorize);
      },
      () => failed('token', authorize),
    );
  }

  function grant() {
    if (bearer) {
      granted = true;
      return connect();
    }
    ask(
      (signal) => call('/session', { method: 'POST', headers: authorization(), signal }),
      (reply) => replied(reply, false, authorize),
      () => failed('unreachable', authorize),
    );
  }

  function authorization(): HeadersInit {
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  function call(path: string, init?: RequestInit) {
    return request(env, gateway + path, bearer ? { ...init, credentials: 'omit', headers: authorization() } : init);
  }

  /** The gateway is asked to take its cookie back. Nothing depends on it. */
  function endSession() {
    if (session) call('/session', { method: 'DELETE', keepalive: true }).catch(() => {});
    session = granted = false;
  }

  // ---- terms: asks how things stand, and so why a stream may have ended

  function terms() {
    const projects = page.marks();
    ask(
      (signal) => call(`/poll-interval?${projectQuery(projects)}`, { signal }),
      (reply) => replied(reply, true, terms, Object.keys(projects).slice(0, MAX_PROJECTS)),
      () => failed('unreachable', terms),
    );
  }

  function replied(reply: Reply, isTerms: boolean, again: () => void, projects: string[] = []) {
    const { message } = reply;
    ttl = message.ttl_ms ?? ttl;
    follow(message);
    const verdict = judge(reply, projects, isTerms);
    if (!isTerms && verdict === 'go') session = granted = true;
    verdicts[verdict](reply, again, verdict as Reason);
  }

  const verdicts: Record<Verdict, (reply: Reply, again: () => void, why: Reason) => void> = {
    go: ({ message }) => connect(message.connect_after_ms),
    // A cookie that has expired is not sent: to the gateway this page is then nobody, who may see nothing.
    token: () => (tokens ? renew('token', authorize) : halt('token')),
    denied: () => renew('denied', terms),
    off() {
      push = 'off';
      halt('off');
    },
    busy: later,
    unreachable: later,
    captive: (_, again) => failed('captive', again),
  };

  function later({ retryAfter }: Reply, again: () => void, why: Reason) {
    failed(why, again, retryAfter);
  }

  /** Once with another token; then it is a refusal. */
  function renew(why: Reason, then: () => void) {
    if (!tokens || refused) {
      token = undefined;
      granted = false;
      return halt(why, then);
    }
    refused = true;
    fetchToken();
  }

  /** Opens a stream, now or when the gateway says. */
  function connect(ms = 0) {
    // The network is fine, so it is not to blame for a mute stream.
    const rests = mute && ++mutes > 1;
    mute = false;
    if (settings.off) return halt('off');
    if (rests && current) return wait(rest(mutes - 2), terms, reason, Wait.Refused);
    if (rests) heldUntil = env.now() + rest(mutes - 2);
    if (ms && !rests) wait(stretched(draw(), ms, jitter), open, reason, Wait.Asked);
    else open();
  }

  // ---- connecting

  function open() {
    if (stopped) return;
    if (!transport && !gateway) return wait(Infinity, () => {}, 'unsupported', Wait.Refused);
    if (env.now() >= heldUntil) heldUntil = 0;
    const isHeld = !transport || heldUntil > 0;
    if (isHeld) wait(heldUntil ? heldUntil - env.now() : Infinity, endHeld, transport ? 'mute' : 'unsupported', Wait.Asked);
    else wait(Infinity, () => {}, reason);
    drop(fresh);
    if (isHeld) drop(current);
    page.opening();
    const stream: Stream = {
      state: 'connecting',
      held: isHeld,
      heartbeat: 25_000,
      helloAt: 0,
      lastAt: 0,
      due: createTimer(env, (late) => overdue(stream, late)),
    };
    if (current) fresh = stream;
    else current = stream;
    if (!isHeld) {
      streams++;
      stream.due.set(env.now() + Ms.Connect);
    }
    const whileOpen = (act: () => void) => env.enter(() => stream.over || act());
    try {
      stream.handle = (isHeld ? held : transport!)(
        { gateway, projects: page.marks(), token: token ?? null },
        {
          event: (name, data) => whileOpen(() => EVENT_NAMES.includes(name) && heard(stream, name, read(data))),
          lost: (_, ms) => whileOpen(() => lost(stream, ms)),
        },
      );
      if (stream.over) close(stream); // it ended within the call
    } catch (error) {
      env.report(error);
      if (!stream.over) lost(stream);
    }
  }

  /** Held requests have stood in for long enough: a stream gets another chance. */
  function endHeld() {
    drop(current);
    heldUntil = 0;
    terms();
  }

  function close({ handle }: Stream) {
    try {
      handle?.close();
    } catch (error) {
      env.report(error);
    }
  }

  /** Lets go of a stream. True if the one that was to replace it goes on in its place. */
  function drop(stream: Stream | undefined): boolean {
    if (!stream) return false;
    stream.over = true;
    stream.due.set(Infinity);
    const heir = stream === current && fresh;
    if (stream === current) current = fresh;
    fresh = undefined;
    close(stream);
    return !!heir;
  }

  // ---- what a stream says

  function heard(stream: Stream, sign: string, message: Message) {
    const now = env.now();
    stream.lastAt = lastEventAt = now;
    events++;
    stream.poll = message.poll_ms ?? stream.poll;
    stream.heartbeat = message.heartbeat_ms ?? stream.heartbeat;
    follow(message);
    if (sign !== 'hello' && stream.state === 'open' && !stream.held) prove(stream);
    if (stream.state === 'proven') watch(stream);
    if (sign === 'hello') hello(stream, message);
    if (sign === 'version') {
      spread = message.spread_ms;
      page.version(message);
    }
    if (sign === 'goodbye') goodbye(stream, message);
  }

  /** connecting → open */
  function hello(stream: Stream, message: Message) {
    if (stream.state === 'connecting') {
      stream.state = 'open';
      stream.helloAt = env.now();
      if (stream.held) losses = 0;
      else stream.due.set(env.now() + Ms.ProofTo);
    }
    refused = false;
    if (!stream.held) reason = 'proving';
    spread = message.spread_ms;
    page.hello(message);
    const left = message.token_expires_in_s! * 1000;
    if (!(left >= 0)) return;
    expiresAt = env.now() + left;
    // Pages that logged in together need not renew together.
    if (tokens && renewal.at === Infinity) renewal.set(env.now() + Math.max(left * between(draw(), 0.7, 0.9), Ms.SoonestRenewal));
  }

  /** open → proven, by an event that did not come with the hello: so nothing on the way holds events back. */
  function prove(stream: Stream) {
    const age = env.now() - stream.helloAt;
    if (age < Ms.ProofFrom || age > Ms.ProofTo) return;
    stream.state = 'proven';
    if (stream === fresh) drop(current);
    provenAt = env.now();
    endGrace();
    mutes = 0;
  }

  /** proven: silence of two heartbeats is the end. */
  function watch(stream: Stream) {
    stream.due.set(stream.lastAt + 2 * stream.heartbeat);
    stream.drained = false;
  }

  /** It said no hello in time, or nothing after it, or has fallen silent. A page that was asleep cannot tell. */
  function overdue(stream: Stream, late: number) {
    if (stream.state !== 'proven') {
      if (late > Ms.Late) return lost(stream);
      if (drop(stream)) return;
      if (!current) push = 'unknown';
      wait(between(draw(), 5000, 15_000), terms, 'mute');
      mute = true;
    } else if (late > Ms.Late && !stream.drained) {
      stream.drained = true;
      stream.due.set(env.now() + Ms.Drain);
    } else lost(stream);
  }

  /** The stream ended, and nobody meant it. */
  function lost(stream: Stream, atLeast = 0) {
    const stable = isStable(stream);
    if (stable) losses = 0;
    if (drop(stream)) return;
    if (!current) push = 'unknown';
    if (stream.held) return failed(reason, terms, atLeast);
    if (!stable) return failed('lost', terms, atLeast);
    losses = 1;
    mute = false;
    wait(between(draw(), Ms.Shortest, Math.max(Ms.FirstLoss, spread)), terms, 'lost');
  }

  function isStable(stream: Stream | undefined): boolean {
    return stream?.state === 'proven' && env.now() - provenAt >= Ms.Stable;
  }

  function goodbye(stream: Stream, { reason: why, after_ms, spread_ms }: Message) {
    if (why === 'off' || why === 'revoked') {
      if (why === 'off') push = 'off';
      return halt(why === 'off' ? 'off' : 'denied', terms, after_ms + draw() * Math.max(spread_ms, Ms.FirstLoss));
    }
    const ms = after_ms + draw() * spread_ms;
    const counted = stream.state === 'proven';
    if (counted) keepPace(stream.poll, env.now() + Math.max(Ms.Grace, ms + Ms.GraceMore));
    if (drop(stream)) return;
    // A gateway that sends everybody away at once must not be asked again at once.
    const least = counted ? Ms.Shortest : between(draw(), 1000, 2000);
    const then = why === 'expired' && tokens ? fetchToken : open;
    wait(Math.max(ms, least), then, why === 'overload' ? 'busy' : 'goodbye', Wait.Asked);
  }

  // ---- polls: they need connections, which over HTTP/1.1 streams may hold all

  /** A poll begins; call the result once when it has ended. */
  function polling(): () => void {
    const poll: Pending = { since: env.now(), tries: 0, yieldedAt: 0, overdue: createTimer(env, (late) => unanswered(poll, late)) };
    poll.overdue.set(poll.since + patience);
    return () => {
      poll.overdue.set(Infinity);
      polled(poll, env.now() - poll.since);
    };
  }

  /** The page's streams may hold the connection that it needs. They make way, and whether it is answered then tells. */
  function unanswered(poll: Pending, late: number) {
    if (late > Ms.Late && !poll.asleep) {
      poll.asleep = true;
      return poll.overdue.set(env.now() + Ms.Drain);
    }
    if (!current || yielding) return;
    if (isStable(current)) crowds = 0;
    keepPace(rare(), Infinity);
    leave('crowded');
    // The second time it stays so until the poll has ended: another page may have taken the connection that became free.
    wait(poll.tries++ ? Infinity : freed(), () => isSlow(poll), 'crowded', Wait.Asked);
    yielding = poll;
    poll.yieldedAt = env.now();
  }

  function freed(): number {
    return Math.min(Ms.Freed, Ms.Quick + 2 * usual);
  }

  /** It is not answered even so: the application is slow. The stream comes back, and the page keeps its slow pace. */
  function isSlow(poll: Pending) {
    poll.overdue.set(env.now() + (env.now() - poll.since));
    graceEnd.set(env.now() + Ms.Grace);
    open();
  }

  function polled(poll: Pending, ms: number) {
    const now = env.now();
    if (poll === yielding) {
      if (now - poll.yieldedAt < freed()) return makeWay();
      isSlow(poll);
      poll.overdue.set(Infinity);
    }
    if (ms < Ms.Slow) usual = ms;
    patience = Math.max(Ms.Crowded, 2 * ms);
    // As slow without any stream: it was never the streams.
    if (reason === 'crowded' && waiting === Wait.Refused && ms > Ms.Slow && poll.since >= crowdedAt) {
      crowds--;
      terms();
    }
  }

  /** Streams leave polls no connection: they rest for long. */
  function makeWay() {
    push = 'unknown';
    halt('crowded');
    crowdedAt = env.now();
    wait(rest(crowds++), terms, 'crowded', Wait.Refused);
  }

  // ---- the page comes and goes

  let idle: Reason | undefined; // why the page wants no stream
  const release = createTimer(env, () => {
    if (idle || waiting === Wait.Away) return;
    keepPace(rare(), Infinity);
    notBefore = waiting === Wait.Own || current ? 0 : step.at;
    leave('hidden');
  });

  /** The page was away, or the network was: a stream that is still there may be dead without knowing. */
  function back() {
    const away = waiting === Wait.Away;
    if (idle || !Object.keys(page.marks()).length || (!away && (waiting || fresh || current?.state === 'connecting'))) return;
    if (grace !== undefined && graceEnd.at === Infinity) graceEnd.set(env.now() + Ms.Grace);
    const ms = Math.max(draw() * 1000, notBefore - env.now());
    notBefore = 0;
    wait(ms, away ? begin : current ? open : terms, reason);
  }

  return {
    start() {
      if (!idle) begin();
    },
    /** The page has been left, and may come back. */
    leave: () => leave('hidden'),
    back,
    hide() {
      if (release.at === Infinity) release.set(env.now() + Ms.Hidden);
    },
    /** The page is shown. `away`: it was hidden for so long that its stream may have died. */
    show(away: boolean) {
      release.set(Infinity);
      if (away) back();
    },
    pause() {
      leave((idle = 'paused'));
      endGrace();
    },
    resume() {
      idle = undefined;
      back();
    },
    stop() {
      leave('stopped');
      endSession();
      stopped = true;
      for (const timer of [step, graceEnd, renewal, release]) timer.set(Infinity);
    },
    /** There are projects that the open stream does not serve. */
    watch() {
      if (idle || question) return;
      if (current) wait(Ms.Gather, open, reason);
      else if (waiting === Wait.Own && step.at === Infinity) wait(Ms.Gather, begin, reason);
    },
    setToken(next: string | null) {
      endSession();
      given = next;
      token = undefined;
      tokens ||= !!next;
      refused = false;
      if (waiting === Wait.Away) return;
      if (next) fetchToken();
      else halt('token', authorize);
    },
    polling,
    /** Whether the page relies on push. */
    trusted: () => current?.state === 'proven' && push !== 'down',
    rare,
    report(body: unknown) {
      call('/missed', { method: 'POST', body: JSON.stringify(body) }).catch(() => {});
    },
    get now() {
      const stream = current && !current.held ? current : undefined;
      return {
        push,
        fast,
        jitter,
        gap,
        spread,
        reason,
        streams,
        events,
        lastEventAt,
        proven: stream?.state === 'proven',
        stream: stream?.state ?? (transport && !current && waiting < Wait.Refused ? ('waiting' as const) : ('none' as const)),
        rung: stream ? ('stream' as const) : heldUntil || current ? ('versions' as const) : ('poll' as const),
        role: stream?.handle?.role ?? ('solo' as const),
      };
    },
  };
}
