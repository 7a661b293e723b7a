// The connection to the gateway: one good stream open, as far as the gateway lets it. It knows nothing of polls but how long they
// take, and may be wrong in any way: all that it can do is tell the page of a pace and of news. No refusal is for ever: each
// wait ends with another try.
//
//   begin → token → session → stream: connecting → open → proven
//                     terms ↗           └───────┴───────┴──→ lost, mute, goodbye, crowded, left → wait → terms or stream
//
// Two streams are open for a moment when one replaces the other: the old one goes when the new one is proven.

import { createAdmission, type Settings } from './admission.js';
import { createCadence } from './gateway-cadence.js';
import { createCrowding, type Pending } from './crowding.js';
import type { Core } from './env.js';
import type { Counts } from './observers/stats.js';
import type { Message } from './messages.js';
import { createNextStep } from './wait-or-ask.js';
import { backoff, between, stretched } from './interval-math.js';
import { createToken } from './token.js';
import { createHidden } from './hidden.js';
import { openStream, type Stream } from './stream-state.js';
import { createTimer } from './timer.js';
import type { Options, Reason } from './types.js';

const enum Ms {
  /** The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds. */
  Step = 1000,
  Shortest = 250,
  Longest = 30_000,
  /** A stream that was proven for this long clears the record of failures. */
  Stable = 60_000,
  /** When a gateway dies, its browsers lose their streams at once. They come back spread over this, or over the newest spread. */
  FirstLoss = 5000,
  /** From the second mute stream in a row, or when streams leave polls no connection, they rest: this long, doubled each time. */
  Rest = 300_000,
  LongestRest = 3_600_000,
  /** After an intended end the slow pace stays for this long, or for `GraceMore` after the time to come back. */
  Grace = 60_000,
  GraceMore = 10_000,
  /** Projects that are added one after the other share a new stream. */
  Gather = 50,
  /** A page without projects keeps its stream for this long: components that replace one another share it. */
  Unused = 5000,
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

/** Why nothing is tried at the moment. Only a wait of our own choice may be cut short. */
const enum Wait {
  Own,
  Asked, // the gateway said when to come back
  Refused, // no stream is to be had for now
  Away, // the page is not there, or does not want one
}

export type Connection = ReturnType<typeof createConnection>;

export function createConnection(env: Core, page: Page, settings: Settings, counts: Counts) {
  const { gateway, transport, held, lifetime } = settings;
  const token = createToken(env, gateway, !!transport?.bearer, page.getToken, () => current && fetchToken());
  const draw = () => env.random();

  const cadence = createCadence(env, settings.fast);
  const { said } = cadence;
  const step = createNextStep(env);

  let current: Stream | undefined; // the one that counts
  let fresh: Stream | undefined; // the one that is to replace it
  let spread = 0; // of the newest message
  let proven = false; // one of them was
  let yields = false; // there was no room for it: no other of this user makes room until it has been proven, or the page is shown
  let provenSince = 0; // without a gap between a stream and the one that replaced it
  let reason: Reason = 'starting';
  let stopped = false;

  let waiting: Wait = Wait.Away;
  let notBefore = 0; // a page that was away comes back no sooner than this: the wait it was in counts on

  // Failures in a row: lost streams, mute ones. And how often streams left polls no connection.
  let losses = 0;
  let mute = false;
  let mutes = 0;
  let unopened = 0; // streams in a row that broke before their hello
  let crowds = 0;
  let crowdedAt = 0;
  let heldUntil = 0; // until when held requests stand in for streams
  let heldWhy: Reason = 'mute';

  let letGoFor: Pending | undefined; // the poll that the stream was let go for

  /** The poll interval that the proven stream allows, or that is kept after one. */
  function rare(): number | undefined {
    return current?.state === 'proven' ? current.poll : cadence.grace();
  }

  // ---- waits

  /** Something else comes than what a stream was let go for: its pace does not stay for ever. */
  function forgetPoll() {
    if (letGoFor) cadence.keepUntil(env.now() + Ms.Grace);
    letGoFor = undefined;
  }

  function wait(ms: number, then: () => void, why: Reason, kind: Wait = Wait.Own) {
    if (stopped) return;
    forgetPoll();
    waiting = kind;
    reason = why;
    step.wait(ms, then);
  }

  function ask<T>(send: (signal: AbortSignal) => Promise<T>, then: (answer: T) => void, otherwise: () => void) {
    forgetPoll();
    if (!stopped) step.ask(send, then, otherwise);
  }

  function failed(why: Reason, then: () => void, atLeast = 0) {
    mute = false;
    unopened = 0;
    // A token is asked of the application, so as rarely as a poll that fails.
    const own = why === 'token' ? backoff(draw(), losses++, said.fast, Ms.Step, Ms.Rest) : backoff(draw(), losses++, Ms.Step, Ms.Shortest, Ms.Longest);
    wait(Math.max(own, stretched(draw(), atLeast, said.jitter)), then, why, atLeast ? Wait.Asked : Wait.Own);
  }

  /** No stream until the refusal may have changed: as long as the terms hold, if nothing else is said. */
  function halt(why: Reason, then: () => void = terms, ms = cadence.ttl()) {
    leave(why);
    cadence.endGrace();
    mute = false;
    unopened = 0;
    wait(stretched(draw(), ms, said.jitter), then, why, Wait.Refused);
  }

  /** The page wants no stream for now. The wait that it was in counts on. */
  function goAway(why: Reason) {
    if (waiting !== Wait.Away) notBefore = waiting === Wait.Own || current || step.at() === Infinity ? 0 : step.at();
    leave(why);
  }

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

  const admission = createAdmission(token, cadence, settings, {
    marks: page.marks,
    ask,
    idles,
    failed,
    halt,
    open,
    admitted,
    everProven: () => proven,
    warn: env.warn,
  });

  const { authorize, fetchToken, terms, replaced } = admission;

  function begin() {
    waiting = Wait.Own;
    admission.begin();
  }

  /** Without projects there is nothing to ask for until one is watched. */
  function idles(): boolean {
    if (Object.keys(page.marks()).length) return false;
    if (!current) page.opening(); // a project that is watched again is served by no stream
    wait(Infinity, () => {}, current ? reason : 'starting');
    return true;
  }

  /** The gateway lets a stream be opened, now or after so long. */
  function admitted(ms = 0) {
    // The network is fine, so it is not to blame for a mute stream.
    const rests = mute && ++mutes > 1;
    mute = false;
    if (rests && current) return wait(rest(mutes - 2), terms, reason, Wait.Refused);
    if (rests) {
      hold('mute', env.now() + rest(mutes - 2));
      env.warn(`nudge: the gateway answers, but something on the way holds its streams back or blocks them, and the page asks for versions instead; see docs/proxies.md for what your proxy needs`);
    }
    if (ms && !rests) wait(stretched(draw(), ms, said.jitter), open, reason, Wait.Asked);
    else open();
  }

  // ---- connecting

  /** Until then, requests that are held stand in for streams. */
  function hold(why: Reason, until: number) {
    heldWhy = why;
    heldUntil = until;
  }

  function open() {
    if (stopped || idles()) return;
    if (!transport && !gateway) return wait(Infinity, () => {}, 'unsupported', Wait.Refused);
    if (env.now() >= heldUntil) heldUntil = 0;
    const isHeld = !transport || heldUntil > 0;
    if (isHeld) wait(heldUntil ? heldUntil - env.now() : Infinity, endHeld, transport ? heldWhy : 'unsupported', Wait.Asked);
    else wait(Infinity, () => {}, reason);
    drop(fresh);
    if (isHeld) drop(current);
    page.opening();
    if (!isHeld) counts.stats.streams++;
    const request = { gateway, projects: page.marks(), token: token.value(), headers: token.headers(), yields };
    const stream = openStream(env, isHeld ? held : ((token.inHeader && settings.byHeader) || transport!), request, {
      message(message) {
        counts.lastEventAt = env.now();
        counts.stats.events++;
        cadence.follow(message);
      },
      hello: (message) => hello(stream, message),
      version(message) {
        spread = message.spread_ms;
        page.version(message);
      },
      goodbye: (message) => goodbye(stream, message),
      proven() {
        if (current?.state !== 'proven' || current === stream) provenSince = env.now();
        if (stream === fresh) drop(current);
        renewal.set(stream.helloAt + lifetime.renewal(draw));
        proven = true;
        yields = false;
        cadence.endGrace();
        mutes = 0;
      },
      lost: (retryAfter, broke) => lost(stream, retryAfter, broke),
      mute() {
        if (drop(stream)) return;
        if (!current) said.push = 'unknown';
        wait(between(draw(), 5000, 15_000), terms, 'mute');
        mute = true;
      },
    });
    if (current) fresh = stream;
    else current = stream;
  }

  /** Held requests have stood in for long enough: a stream gets another chance. */
  function endHeld() {
    drop(current);
    heldUntil = 0;
    terms();
  }

  /** Lets go of a stream. True if the one that was to replace it goes on in its place. */
  function drop(stream: Stream | undefined): boolean {
    if (!stream) return false;
    stream.close();
    const heir = stream === current && fresh;
    if (stream === current) current = fresh;
    fresh = undefined;
    return !!heir;
  }

  // ---- what a stream says

  function hello(stream: Stream, message: Message) {
    if (token.isForeign(message)) {
      drop(stream);
      return replaced();
    }
    if (stream.held) losses = 0;
    else {
      reason = 'proving';
      unopened = 0;
    }
    spread = message.spread_ms;
    page.hello(message);
    token.accepted(message.token_expires_in_s! * 1000);
  }

  /** The stream ended, and nobody meant it. */
  function lost(stream: Stream, atLeast = 0, broke = false) {
    const now = env.now();
    const cut = broke && !!stream.helloAt && lifetime.broke(now - stream.helloAt);
    const stable = cut || isStable(stream);
    if (stable) losses = 0;
    if (cut && stream.state === 'proven') cadence.keep(stream.poll, now + Ms.FirstLoss + Ms.GraceMore);
    if (drop(stream)) return;
    if (!current) said.push = 'unknown';
    if (stream.held) return failed(reason, terms, atLeast);
    if (cut && lifetime.tooShort()) hold('cut', lifetime.until());
    else if (!stable) return unproven(broke && !stream.helloAt && !yields ? unopened + 1 : 0, atLeast); // one that yields may be refused
    losses = 1;
    mute = false;
    wait(between(draw(), Ms.Shortest, Math.max(Ms.FirstLoss, spread)), terms, cut ? 'cut' : 'lost');
  }

  /** So many streams in a row broke before their hello. One may; if more do while the gateway answers, something blocks them. */
  function unproven(count: number, atLeast: number) {
    failed('lost', terms, atLeast);
    unopened = count;
    if (count < 3) return;
    mute = true;
    mutes ||= 1;
  }

  function isStable(stream: Stream | undefined): boolean {
    return stream?.state === 'proven' && env.now() - provenSince >= Ms.Stable;
  }

  /** Something ends streams at an age: the next one is proven before this one comes to it. */
  const renewal = createTimer(env, () => {
    if (current?.state !== 'proven' || fresh) return;
    if (step.asking() || step.at() < Infinity) renewal.set(env.now() + Ms.Gather);
    else open();
  });

  function goodbye(stream: Stream, { reason: why, after_ms, spread_ms }: Message) {
    if (why === 'off' || why === 'revoked') {
      if (why === 'off') said.push = 'off';
      return halt(why === 'off' ? 'off' : 'denied', terms, after_ms + draw() * Math.max(spread_ms, Ms.FirstLoss));
    }
    if (why === 'overload') yields = true;
    const ms = after_ms + draw() * spread_ms;
    const counted = stream.state === 'proven';
    if (counted) cadence.keep(stream.poll, env.now() + Math.max(Ms.Grace, ms + Ms.GraceMore));
    if (drop(stream)) return;
    // A gateway that sends everybody away at once must not be asked again at once.
    const least = counted ? Ms.Shortest : between(draw(), 1000, 2000);
    const then = why === 'expired' && token.wanted ? fetchToken : open;
    wait(Math.max(ms, least), then, why === 'overload' ? 'busy' : 'goodbye', Wait.Asked);
  }

  // ---- polls need connections

  const polling = createCrowding(env, {
    letGo(poll, ms, back) {
      if (!current || letGoFor) return false;
      if (isStable(current)) crowds = 0;
      cadence.keep(rare(), Infinity);
      leave('crowded');
      wait(ms, back, 'crowded', Wait.Asked);
      letGoFor = poll;
      return true;
    },
    isLetGoFor: (poll) => poll === letGoFor,
    takeBack: open,
    rest() {
      said.push = 'unknown';
      halt('crowded');
      crowdedAt = env.now();
      wait(rest(crowds++), terms, 'crowded', Wait.Refused);
    },
    restsSince: () => (reason === 'crowded' && waiting === Wait.Refused ? crowdedAt : Infinity),
    endRest() {
      crowds--;
      terms();
    },
  });

  // ---- the page comes and goes

  let started = false; // on a server it never is
  let idle: Reason | undefined; // why the page wants no stream
  const hidden = createHidden(env, () => {
    if (waiting === Wait.Away) return;
    const kept = rare();
    goAway('hidden');
    cadence.keep(kept, Infinity);
  });

  const unused = createTimer(env, () => {
    if (waiting === Wait.Away || Object.keys(page.marks()).length) return;
    leave('starting');
    cadence.endGrace();
    begin(); // once there is something to watch
  });

  /** The page was away, or the network was: a stream that is still there may be dead without knowing. */
  function back() {
    const away = waiting === Wait.Away;
    if (!started || idle || hidden.long() || (!away && (waiting || fresh || current?.state === 'connecting'))) return;
    if (idles()) return;
    if (away) cadence.keepUntil(env.now() + Ms.Grace);
    const ms = Math.max(draw() * 1000, notBefore - env.now());
    wait(ms, away ? begin : current ? open : terms, reason, notBefore > env.now() ? Wait.Asked : Wait.Own);
    notBefore = 0;
  }

  return {
    start() {
      started = true;
      if (!idle) begin();
    },
    /** The page has been left, and may come back. */
    leave: () => goAway(idle ?? 'hidden'),
    back,
    /** The network came back. It may be another one, where streams get through. */
    online() {
      mutes = 0;
      lifetime.forget();
      if (heldUntil && !step.asking()) wait(draw() * 1000, endHeld, reason, Wait.Asked);
      else back();
    },
    hide: hidden.hide,
    /** The page is shown. `away`: it was hidden for so long that its stream may have died. */
    show(away: boolean) {
      hidden.show();
      if (!away) return;
      yields = false;
      back();
    },
    pause() {
      goAway((idle = 'paused'));
      cadence.endGrace();
    },
    resume() {
      idle = undefined;
      if (hidden.long()) reason = 'hidden';
      back();
    },
    stop() {
      leave('stopped');
      token.end();
      stopped = true;
      cadence.endGrace();
      hidden.show();
      unused.set(Infinity);
    },
    /** There are projects that the open stream does not serve. */
    watch() {
      if (idle || step.asking()) return;
      if (current) wait(Ms.Gather, open, reason);
      else if (waiting === Wait.Own && step.at() === Infinity) wait(Ms.Gather, begin, reason);
    },
    /** The page wants fewer projects, or none. */
    unwatch() {
      if (!Object.keys(page.marks()).length) unused.set(env.now() + Ms.Unused);
    },
    setToken(next: string | null) {
      token.set(next);
      // The stream may be that of another user. The new one has the versions of all projects, so nothing is lost.
      if (next && current) {
        cadence.keep(rare(), env.now() + Ms.Grace);
        drop(fresh);
        drop(current);
      }
      if (waiting === Wait.Away) return;
      if (next) begin();
      else halt('token', authorize);
    },
    polling,
    /** Whether the page relies on push. */
    trusted: () => current?.state === 'proven' && said.push !== 'down',
    rare,
    report(body: unknown) {
      token.call('/missed', { method: 'POST', body: JSON.stringify(body) }).catch(() => {});
    },
    /** What the snapshot says of it. */
    get now() {
      const stream = current && !current.held ? current : undefined;
      return {
        ...said,
        reason,
        stream: stream?.state ?? (transport && !current && waiting < Wait.Refused ? ('waiting' as const) : ('none' as const)),
        rung: stream ? ('stream' as const) : heldUntil || current ? ('versions' as const) : ('poll' as const),
        role: stream?.role ?? ('solo' as const),
        cut: lifetime.cut() ?? null,
      };
    },
  };
}
