import type { Env } from './types.js';

/** The longest delay that setTimeout takes. Beyond it, it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** One thing that is due at a time, or not at all. */
export interface Timer {
  /** When it is due; Infinity if it is not. */
  readonly at: number;
  /** Sets it to a time, in epoch milliseconds, instead of the one before. Infinity turns it off. */
  set(at: number): void;
}

/** `late` is how long after its time it fires: more than a moment means that the page was asleep. */
export function createTimer(env: Env, fire: (late: number) => void): Timer {
  let at = Infinity;
  let id: unknown;

  function arm() {
    if (at < Infinity) id = env.setTimeout(wake, Math.min(Math.max(0, Math.ceil(at) - env.now()), LONGEST));
  }

  function wake() {
    id = undefined;
    const late = env.now() - at;
    if (late < 0) return arm();
    at = Infinity;
    fire(late);
  }

  return {
    get at() {
      return at;
    },
    set(next) {
      if (next === at) return;
      at = next;
      if (id !== undefined) env.clearTimeout(id);
      id = undefined;
      arm();
    },
  };
}
