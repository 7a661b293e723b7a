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
 * How much is left of the wait for an interval, at a moment that has nothing to do with it: for one of very many pages that
 * have long gone by it. When the interval changes each page draws such a rest, and so they come as evenly as pages that never
 * did otherwise, whatever they did before. Up to 1 − jitter all rests are as likely, then less and less up to 1 + jitter.
 */
export function residue(ms: number, jitter: number, draw: number): number {
  return ms * (draw < 1 - jitter ? draw : 1 + jitter - 2 * Math.sqrt(jitter * (1 - draw)));
}

/** The time over which the polls for some news are spread, and this browser's place in it. */
export interface Window {
  readonly start: number;
  readonly spread: number;
  /** The spread of the one that this one follows, if it does. */
  readonly before: number;
  readonly draw: number;
  readonly due: number;
  /** Whether a poll has begun since the news. The window itself lasts until its end. */
  readonly served: boolean;
}

/**
 * The window after news. The first news fixes the due time. News after the window's poll has begun is for a window of its
 * own, which starts where this one ends. `due` is when the page would poll anyway: within the window, that poll serves.
 *
 * A window that follows another is at least as wide, as far as this page's place in it goes: very many have waited for the
 * same end, and not all of them may come right then.
 */
export function announced(window: Window | undefined, now: number, spread: number, draw: number, due: number): Window {
  const pending = window && !window.served;
  if (pending && window.start <= now) return window;
  const end = window ? window.start + window.spread : 0;
  const place = pending ? window : { start: Math.max(now, end), before: end > now ? window!.spread : 0, draw };
  const width = Math.max(spread, place.before);
  return { ...place, spread, due: due <= place.start + width ? due : place.start + place.draw * width, served: false };
}

/** The window after a poll has begun, or nothing is left to poll for. One that had not started is not needed any more. */
export function served(window: Window | undefined, now: number): Window | undefined {
  if (!window || window.served) return window;
  return { ...window, spread: window.start <= now ? window.spread : 0, served: true };
}
