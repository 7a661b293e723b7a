// How long streams live here. Some proxies end every answer after a fixed time. Two streams in a row that broke at the same age
// show it; from then on the page renews each stream before that age.

import type { Env } from './types.js';

const enum Ms {
  /** Ages that differ by less than this, or by a fiftieth, are the same: the timers of proxies are that exact. */
  Exact = 1000,
  /** A shorter age teaches nothing: whatever breaks does so at once. */
  Least = 2000,
  /** Where streams live for less than this, there is no time to renew them. */
  TooShort = 5000,
  /** It is believed for this long. Then one stream is left to itself, to see whether it is still so. */
  Believed = 3_600_000,
  /** A stream is renewed this long before the end, or a fifth of its life if that is less, but `ProofTime` at least. */
  Margin = 15_000,
  ProofTime = 2000,
}

export type Lifetime = ReturnType<typeof createLifetime>;

export function createLifetime(env: Pick<Env, 'now' | 'warn'>) {
  let age = 0; // of the last one that broke
  let until = 0;

  const cut = () => (env.now() < until ? age : undefined);

  return {
    /** The age at which something ends every answer; undefined: nothing is known to. */
    cut,
    /** Until when that is believed. */
    until: () => until,
    /** Whether it leaves no time to renew a stream. */
    tooShort: () => cut()! < Ms.TooShort,
    /** An answer was cut off at this age. True if the one before was too: it is no failure, but happens here. */
    broke(ms: number): boolean {
      if (ms < Ms.Least) return false;
      const same = Math.abs(ms - age) < Math.max(Ms.Exact, ms / 50);
      age = same ? Math.min(age, ms) : ms;
      if (!same) return false;
      until = env.now() + Ms.Believed;
      const s = Math.round(age / 1000);
      env.warn(`something on the way ends streams after ${s} s; give answers more time there, or set limits.stream_age below ${s}s`);
      return true;
    },
    /** How long after its hello a stream is renewed; Infinity: not at all. */
    renewal(draw: () => number): number {
      const ms = cut();
      return ms === undefined ? Infinity : ms - Math.max(Ms.ProofTime, Math.min(Ms.Margin, ms / 5)) * (1 + draw() / 4);
    },
    /** It may be different from now on. */
    forget() {
      age = until = 0;
    },
  };
}
