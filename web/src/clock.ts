import type { Env } from './types.js';

/** The longest delay that setTimeout takes; beyond it, it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** One thing that will happen at one time. Setting it again replaces what was set. */
export interface Alarm {
  set(ms: number, ring: () => void): void;
  clear(): void;
}

/**
 * Time and turns. Everything that happens to the shim (a timer, an event, an answer) is a turn: it runs to its end, then
 * `settle` draws the conclusions, whatever happened. After `stop` nothing happens any more and no timer is left.
 */
export interface Clock {
  alarm(): Alarm;
  turn<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void;
  stop(): void;
}

export function createClock(env: Env, settle: () => void): Clock {
  const timers = new Set<unknown>();
  let stopped = false;

  function turn<A extends unknown[]>(act: (...args: A) => void) {
    return (...args: A) => {
      if (stopped) return;
      try {
        act(...args);
      } finally {
        if (!stopped) settle();
      }
    };
  }

  function cancel(timer: unknown) {
    timers.delete(timer);
    env.clearTimeout(timer);
  }

  return {
    turn,
    alarm() {
      let timer: unknown;
      const clear = () => cancel(timer);
      return {
        clear,
        set(ms, ring) {
          clear();
          if (stopped) return;
          const mine = (timer = env.setTimeout(
            turn(() => {
              timers.delete(mine);
              ring();
            }),
            Math.min(Math.max(ms, 0), LONGEST),
          ));
          timers.add(mine);
        },
      };
    },
    stop() {
      stopped = true;
      timers.forEach(cancel);
    },
  };
}
