// Polls need connections, and over HTTP/1.1 a browser has six for a host and all tabs: streams may hold them all. A poll that
// stays unanswered may lack a connection, or the application may be slow. To find out, the page lets its stream go for a moment:
// if the poll is answered then, streams were to blame.

import type { Core } from './env.js';
import type { createCadence } from './gateway-cadence.js';
import { longRest } from './reconnect-waits.js';
import { createTimer, type Timer } from './timer.js';
import type { Reason } from './types.js';
import { Wait, type NextStep } from './connection-next-step.js';

const enum Ms {
  /** A poll without an answer for this long may lack a connection; or for twice as long as the last poll took. */
  Unanswered = 10_000,
  /** If it did, it is answered this soon after the stream has gone; or within `Quick` and twice the usual time. */
  Freed = 2000,
  Quick = 500,
  /** A poll that took longer than this was slow. */
  Slow = 5000,
  /** A timer later than this means that the page was asleep: an answer that queued up meanwhile gets `Drain` to come out. */
  Late = 1000,
  Drain = 1000,
}

/** A poll that is not answered yet. */
export interface Pending {
  readonly since: number;
  readonly overdue: Timer;
  /** How often the stream was let go for it. */
  tries: number;
  letGoAt: number;
  asleep?: boolean;
}

/** What it does with the streams. */
export interface Streams {
  /** Whether one is open or opening. */
  some(): boolean;
  /** Whether one has been proven for long. */
  stable(): boolean;
  /** Lets go of all. */
  leave(why: Reason): void;
  /** The poll interval that they allow. */
  rare(): number | undefined;
  open(): void;
  terms(): void;
  halt(why: Reason): void;
}

export function createCrowding(env: Core, next: NextStep, cadence: ReturnType<typeof createCadence>, streams: Streams) {
  let patience: number = Ms.Unanswered;
  let usual: number = Ms.Slow;
  let letGoFor: Pending | undefined; // the poll that the stream was let go for, if nothing else has happened since
  let crowds = 0; // how often streams left polls no connection
  let crowdedAt = 0;

  /** Something else comes than what a stream was let go for: its pace does not stay for ever. */
  function forget() {
    if (letGoFor) cadence.limitGrace();
    letGoFor = undefined;
  }

  /** Lets the stream go at the present pace, for so long at most. False if there is none, or it has just gone. */
  function letGo(poll: Pending, ms: number): boolean {
    if (!streams.some() || letGoFor) return false;
    if (streams.stable()) crowds = 0;
    cadence.keep(streams.rare(), Infinity);
    streams.leave('crowded');
    next.wait(ms, () => isSlow(poll), 'crowded', Wait.Asked);
    letGoFor = poll;
    return true;
  }

  /** Streams leave polls no connection: they rest for long. */
  function rest() {
    cadence.said.push = 'unknown';
    streams.halt('crowded');
    crowdedAt = env.now();
    next.wait(longRest(env.random, crowds++), streams.terms, 'crowded', Wait.Refused);
  }

  /** Whether streams rest since before that time. */
  function restedBefore(time: number): boolean {
    return next.reason === 'crowded' && next.waits === Wait.Refused && time >= crowdedAt;
  }

  function freed(): number {
    return Math.min(Ms.Freed, Ms.Quick + 2 * usual);
  }

  function unanswered(poll: Pending, late: number) {
    if (late > Ms.Late && !poll.asleep) {
      poll.asleep = true;
      return poll.overdue.set(env.now() + Ms.Drain);
    }
    // The second time it is not taken back before the poll has ended: another page may have got the connection that became free.
    if (!letGo(poll, poll.tries ? Infinity : freed())) return;
    poll.tries++;
    poll.letGoAt = env.now();
  }

  function isSlow(poll: Pending) {
    poll.overdue.set(env.now() + (env.now() - poll.since));
    streams.open();
  }

  function ended(poll: Pending) {
    const now = env.now();
    const ms = now - poll.since;
    const without = poll === letGoFor; // nothing but this let the stream go
    if (without && now - poll.letGoAt < freed()) rest();
    else {
      if (without) isSlow(poll);
      if (ms < Ms.Slow) usual = ms;
      patience = Math.max(Ms.Unanswered, 2 * ms);
      // It was as slow without any stream.
      if (ms > Ms.Slow && restedBefore(poll.since)) {
        crowds--;
        streams.terms();
      }
    }
    poll.overdue.set(Infinity);
  }

  return {
    forget,
    /** A poll begins. The result is called when it has ended. */
    polling() {
      const poll: Pending = { since: env.now(), overdue: createTimer(env, (late) => unanswered(poll, late)), tries: 0, letGoAt: 0 };
      poll.overdue.set(poll.since + patience);
      return () => ended(poll);
    },
  };
}
