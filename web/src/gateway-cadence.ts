import type { Core } from './env.js';
import type { Message } from './messages.js';
import { createTimer } from './timer.js';
import type { Push } from './types.js';

/** The terms of a gateway that names no time hold for six intervals without push, and for this long at most. */
const LONGEST_TERMS = 60_000;

/** How long the slow pace outlasts a stream, in ms. */
export const enum Grace {
  Usual = 60_000,
  /** It goes on for this long after the time to come back. */
  More = 10_000,
}

/** What gateways said last of how often to poll, and the slow pace that outlasts a stream for a while. */
export function createCadence(env: Core, fast: number) {
  let grace: number | undefined;
  const graceEnd = createTimer(env, endGrace);
  let ttl: number | undefined;

  const said = { push: 'unknown' as Push, fast, jitter: 0.2, gap: 1000 };

  function endGrace() {
    grace = undefined;
    graceEnd.set(Infinity);
  }

  return {
    said,
    /** Takes what a message says of it. */
    follow({ push, fast_ms, jitter, gap_ms, ttl_ms }: Message) {
      said.push = push ?? said.push;
      said.fast = fast_ms ?? said.fast;
      said.jitter = jitter ?? said.jitter;
      if (fast_ms) said.gap = gap_ms; // a cadence that does not name it means the usual one
      ttl = ttl_ms ?? ttl;
    },
    /** How long a refusal holds. */
    ttl: () => ttl ?? Math.min(6 * said.fast, LONGEST_TERMS),
    /** The poll interval that stays in force though no stream is proven. */
    grace: () => grace,
    /** This one stays, for so many ms from now. Infinity: until further notice. */
    keep(poll: number | undefined, ms: number = Grace.Usual) {
      grace = poll;
      graceEnd.set(env.now() + ms);
    },
    /** What stays until further notice has an end now. */
    limitGrace() {
      if (graceEnd.at === Infinity) graceEnd.set(env.now() + Grace.Usual);
    },
    endGrace,
  };
}
