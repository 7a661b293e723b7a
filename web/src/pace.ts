/** When to poll, as arithmetic: no clock, no chance and no state in here. */

/**
 * The interval that is in force. `fast` is for a browser that no stream serves, `rare` what its proven stream allows, if it
 * has one; `uncovered` says that the stream leaves a project out, `behind` that the page knows of a version it does not have.
 */
export function interval(fast: number, rare: number | undefined, uncovered: boolean, behind: boolean): number {
  const ms = uncovered ? fast : (rare ?? fast);
  return behind ? Math.min(ms, fast) : ms;
}

/** The wait for an interval, anywhere within its jitter. `draw` is uniform in [0, 1). */
export function jittered(ms: number, jitter: number, draw: number): number {
  return ms * (1 - jitter + 2 * jitter * draw);
}

/**
 * The due time after the interval got shorter: what is left to wait shrinks as the interval does. Browsers that learn it
 * together are as far from one another as before in proportion, so that they come at the new rate from the first second on.
 */
export function shortened(due: number, now: number, ms: number, old: number): number {
  return now + ((due - now) * ms) / old;
}

/** The time over which the polls for some news are spread, and this browser's place in it. */
export interface Window {
  readonly start: number;
  readonly spread: number;
  readonly draw: number;
  readonly due: number;
  /** Whether a poll has begun since the news. The window itself lasts until its end. */
  readonly served: boolean;
}

/**
 * The window after news. The first news fixes the due time. News after the window's poll has begun is for a window of its
 * own, which starts where this one ends. `due` is when the page would poll anyway: within the window, that poll serves.
 */
export function announced(window: Window | undefined, now: number, spread: number, draw: number, due: number): Window {
  const pending = window && !window.served;
  if (pending && window.start <= now) return window;
  const start = pending ? window.start : Math.max(now, window ? window.start + window.spread : 0);
  const place = pending ? window.draw : draw;
  return { start, spread, draw: place, due: due <= start + spread ? due : start + place * spread, served: false };
}

/** The window after a poll has begun, or nothing is left to poll for. One that had not started is not needed any more. */
export function served(window: Window | undefined, now: number): Window | undefined {
  if (!window || window.served) return window;
  return { ...window, spread: window.start <= now ? window.spread : 0, served: true };
}
