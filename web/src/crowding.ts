// Polls need connections, and over HTTP/1.1 a browser has six for a host and all tabs: streams may hold them all. A poll that
// stays unanswered may lack a connection, or the application may be slow. To find out, the page lets its stream go for a moment:
// if the poll is answered then, streams were to blame.

import type { Core } from './env.js';
import { createTimer, type Timer } from './timer.js';

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

/** What it needs of the connection. */
export interface Streams {
  /** Lets the stream go at the present pace, for so long at most; then `back`. False if there is none, or it has just gone. */
  letGo(poll: Pending, ms: number, back: () => void): boolean;
  /** Whether it is let go for this poll now, and nothing else has happened since. */
  isLetGoFor(poll: Pending): boolean;
  /** Opens a stream again, while the present pace is kept. */
  takeBack(): void;
  /** Streams leave polls no connection: they rest for long. */
  rest(): void;
  /** Since when they rest for that; Infinity if they do not. */
  restsSince(): number;
  /** The streams were not to blame after all. */
  endRest(): void;
}

/** The result is called when a poll begins; what that gives, when it has ended. */
export function createCrowding(env: Core, streams: Streams): () => () => void {
  let patience: number = Ms.Unanswered;
  let usual: number = Ms.Slow;

  function freed(): number {
    return Math.min(Ms.Freed, Ms.Quick + 2 * usual);
  }

  function unanswered(poll: Pending, late: number) {
    if (late > Ms.Late && !poll.asleep) {
      poll.asleep = true;
      return poll.overdue.set(env.now() + Ms.Drain);
    }
    // The second time it is not taken back before the poll has ended: another page may have got the connection that became free.
    if (!streams.letGo(poll, poll.tries ? Infinity : freed(), () => isSlow(poll))) return;
    poll.tries++;
    poll.letGoAt = env.now();
  }

  function isSlow(poll: Pending) {
    poll.overdue.set(env.now() + (env.now() - poll.since));
    streams.takeBack();
  }

  function ended(poll: Pending) {
    const now = env.now();
    const ms = now - poll.since;
    const letGo = streams.isLetGoFor(poll);
    if (letGo && now - poll.letGoAt < freed()) streams.rest();
    else {
      if (letGo) isSlow(poll);
      if (ms < Ms.Slow) usual = ms;
      patience = Math.max(Ms.Unanswered, 2 * ms);
      // It was as slow without any stream.
      if (ms > Ms.Slow && poll.since >= streams.restsSince()) streams.endRest();
    }
    poll.overdue.set(Infinity);
  }

  return () => {
    const poll: Pending = { since: env.now(), overdue: createTimer(env, (late) => unanswered(poll, late)), tries: 0, letGoAt: 0 };
    poll.overdue.set(poll.since + patience);
    return () => ended(poll);
  };
}
