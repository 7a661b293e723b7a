// The connection to the gateway: one good stream open, as far as the gateway lets it. It knows nothing of polls but how long they
// take, and may be wrong in any way: all that it can do is tell the page of a pace and of news. No refusal is for ever: each
// wait ends with another try.
//
//   begin → token → session → stream: connecting → open → proven
//                     terms ↗           └───────┴───────┴──→ lost, mute, goodbye, crowded, left → wait → terms or stream
//
// Two streams are open for a moment when one replaces the other: the old one goes when the new one is proven.

import { createAdmission, type Settings } from './admission.js';
import { createCadence, Grace } from './gateway-cadence.js';
import { createCrowding } from './crowded-connections.js';
import type { Core } from './env.js';
import type { Counts } from './observers/stats.js';
import type { Message, MissedReport, ShadowReport } from './messages.js';
import { stretched } from './interval-math.js';
import { createPresence } from './visibility.js';
import { afterFailure, afterGoodbye, afterLoss, afterMute, afterNoToken, longRest, lossSpread } from './reconnect-waits.js';
import { openStream, type Stream } from './stream-state.js';
import { createTimer } from './timer.js';
import { createToken } from './token.js';
import type { Options, Reason } from './types.js';
import { createNextStep, Wait } from './connection-next-step.js';

const enum Ms {
  /** A stream that was proven for this long clears the record of failures. */
  Stable = 60_000,
  /** The next stream waits for this long while something else is under way. */
  Busy = 50,
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

export type Connection = ReturnType<typeof createConnection>;

export function createConnection(env: Core, page: Page, settings: Settings, counts: Counts) {
  const { gateway, transport, held, lifetime } = settings;
  const token = createToken(env, gateway, !!transport?.bearer, page.getToken, () => current && fetchToken());
  const draw = env.random;

  const cadence = createCadence(env, settings.fast);
  const { said } = cadence;
  const next = createNextStep(env, () => crowding.forget());
  const { wait, rest } = next;

  let current: Stream | undefined; // the one that counts
  let fresh: Stream | undefined; // the one that is to replace it
  let spread = 0; // of the newest message
  let proven = false; // one of them was
  let yields = false; // there was no room for it: no other of this user makes room until it has been proven, or the page is shown
  let provenSince = 0; // without a gap between a stream and the one that replaced it

  // Failures in a row: lost streams, mute ones.
  let losses = 0;
  let mute = false;
  let mutes = 0;
  let unopened = 0; // streams in a row that broke before their hello
  let heldUntil = 0; // until when held requests stand in for streams
  let heldWhy: Reason = 'mute';

  /** The poll interval that the proven stream allows, or that is kept after one. */
  function rare(): number | undefined {
    return current?.state === 'proven' ? current.poll : cadence.grace();
  }

  // ---- waits

  function failed(why: Reason, then: () => void, atLeast = 0) {
    mute = false;
    unopened = 0;
    const own = why === 'token' ? afterNoToken(draw, losses++, said.fast) : afterFailure(draw, losses++);
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

  function leave(why: Reason) {
    drop(fresh);
    drop(current);
    heldUntil = 0;
    rest(why, Wait.Away);
  }

  const { begin, authorize, fetchToken, terms, replaced } = createAdmission(env, next, cadence, token, settings, {
    marks: page.marks,
    idles,
    failed,
    halt,
    open,
    admitted,
    everProven: () => proven,
  });

  /** Without projects there is nothing to ask for until one is watched. */
  function idles(): boolean {
    if (streams.wanted()) return false;
    if (!current) page.opening(); // a project that is watched again is served by no stream
    rest(current ? next.reason : 'starting');
    return true;
  }

  /** The gateway lets a stream be opened, now or after so long. */
  function admitted(ms = 0) {
    // The network is fine, so it is not to blame for a mute stream.
    const rests = mute && ++mutes > 1;
    mute = false;
    if (rests && current) return wait(longRest(draw, mutes - 2), terms, next.reason, Wait.Refused);
    if (rests) {
      hold('mute', env.now() + longRest(draw, mutes - 2));
      env.warn('something on the way holds streams back or blocks them; see docs/proxies.md');
    }
    if (ms && !rests) wait(stretched(draw(), ms, said.jitter), open, next.reason, Wait.Asked);
    else open();
  }

  // ---- connecting

  /** Until then, requests that are held stand in for streams. */
  function hold(why: Reason, until: number) {
    heldWhy = why;
    heldUntil = until;
  }

  function open() {
    if (next.stopped() || idles()) return;
    if (!transport && !gateway) return rest('unsupported', Wait.Refused);
    if (env.now() >= heldUntil) heldUntil = 0;
    const isHeld = !transport || heldUntil > 0;
    if (isHeld) wait(heldUntil ? heldUntil - env.now() : Infinity, endHeld, transport ? heldWhy : 'unsupported', Wait.Asked);
    else rest(next.reason);
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
        wait(afterMute(draw), terms, 'mute');
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
      next.reason = 'proving';
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
    if (cut && stream.state === 'proven') cadence.keep(stream.poll, lossSpread(0) + Grace.More);
    if (drop(stream)) return;
    if (!current) said.push = 'unknown';
    if (stream.held) return failed(next.reason, terms, atLeast);
    if (cut && lifetime.tooShort()) hold('cut', lifetime.until());
    else if (!stable) return unproven(broke && !stream.helloAt && !yields ? unopened + 1 : 0, atLeast); // one that yields may be refused
    losses = 1;
    mute = false;
    wait(afterLoss(draw, spread), terms, cut ? 'cut' : 'lost');
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
    if (next.asking() || next.at() < Infinity) renewal.set(env.now() + Ms.Busy);
    else open();
  });

  function goodbye(stream: Stream, { reason: why, after_ms, spread_ms }: Message) {
    const off = why === 'off';
    if (off) said.push = why;
    if (off || why === 'revoked') return halt(off ? why : 'denied', terms, after_ms + draw() * lossSpread(spread_ms));
    if (why === 'overload') yields = true;
    const ms = after_ms + draw() * spread_ms;
    const counted = stream.state === 'proven';
    if (counted) cadence.keep(stream.poll, Math.max(Grace.Usual, ms + Grace.More));
    if (drop(stream)) return;
    const then = why === 'expired' && token.wanted ? fetchToken : open;
    wait(afterGoodbye(draw, ms, counted), then, why === 'overload' ? 'busy' : 'goodbye', Wait.Asked);
  }

  const streams = {
    wanted: () => Object.keys(page.marks()).length > 0,
    some: () => !!current,
    opening: () => !!fresh || current?.state === 'connecting',
    stable: () => isStable(current),
    leave,
    rare,
    idles,
    begin,
    open,
    terms,
    halt,
  };
  const crowding = createCrowding(env, next, cadence, streams);
  const presence = createPresence(env, next, cadence, streams);

  return {
    ...presence,
    /** The network came back. It may be another one, where streams get through. */
    online() {
      mutes = 0;
      lifetime.forget();
      if (heldUntil && !next.asking()) wait(draw() * 1000, endHeld, next.reason, Wait.Asked);
      else presence.back();
    },
    /** The page is shown. `away`: it was hidden for so long that its stream may have died. */
    show(away: boolean) {
      presence.show();
      if (away) yields = false;
      // It may have been left without being told that it is back: only a restored page hears so.
      if (away || next.waits === Wait.Away) presence.back();
    },
    stop() {
      leave('stopped');
      token.end();
      next.stop();
      cadence.endGrace();
      presence.stop();
    },
    setToken(value: string | null) {
      token.set(value);
      // The stream may be that of another user. The new one has the versions of all projects, so nothing is lost.
      if (value && current) {
        cadence.keep(rare());
        drop(fresh);
        drop(current);
      }
      if (next.waits === Wait.Away) return;
      if (value) begin();
      else halt('token', authorize);
    },
    polling: crowding.polling,
    /** Whether the page relies on push. */
    trusted: () => current?.state === 'proven' && said.push !== 'down',
    rare,
    /** Tells the gateway. Gives whether it has taken that. */
    report: (body: MissedReport | ShadowReport, path = '/missed') =>
      token.call(path, { method: 'POST', body: JSON.stringify(body) }).then(
        ({ status }) => status === 204,
        () => false,
      ),
    /** What the snapshot says of it. */
    get now() {
      const stream = current && !current.held ? current : undefined;
      return {
        ...said,
        /** By how much push stretches the intervals. */
        factor: Math.max(1, (rare() ?? 0) / said.fast),
        reason: next.reason,
        stream: stream?.state ?? (transport && !current && next.waits < Wait.Refused ? ('waiting' as const) : ('none' as const)),
        rung: stream ? ('stream' as const) : heldUntil || current ? ('versions' as const) : ('poll' as const),
        role: stream?.role ?? ('solo' as const),
        cut: lifetime.cut() ?? null,
      };
    },
  };
}
