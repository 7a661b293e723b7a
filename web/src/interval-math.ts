// When to poll, as arithmetic: no clock, no state. `draw` is always a random number, uniform in [0, 1).

/** Uniform between the two. */
export function between(draw: number, low: number, high: number): number {
  return low + (high - low) * draw;
}

/** A minimum that a server asked for: randomised by making it longer only. */
export function stretched(draw: number, ms: number, jitter: number): number {
  return ms * between(draw, 1, 1 + jitter);
}

/** The wait after the n-th failure in a row, full jitter: from `floor` to the n-th doubling of `step`, `cap` at most. */
export function backoff(draw: number, n: number, step: number, floor: number, cap: number): number {
  return between(draw, floor, Math.max(floor, Math.min(cap, step * 2 ** n)));
}

/** The wait for an interval, anywhere within its jitter. */
export function jittered(draw: number, ms: number, jitter: number): number {
  return between(draw, ms * (1 - jitter), ms * (1 + jitter));
}

/**
 * What is left to wait, seen at a random moment by one of very many pages that have long polled at this interval. When the
 * interval changes, each page draws such a rest: so all of them together poll as evenly as pages that never had another one.
 * Up to 1 − jitter all rests are equally likely, from there to 1 + jitter ever less likely.
 */
export function residue(draw: number, ms: number, jitter: number): number {
  return ms * (draw < 1 - jitter ? draw : 1 + jitter - 2 * Math.sqrt(jitter * (1 - draw)));
}

/** The time over which the polls for some news are spread, and this page's place in it. */
export interface Window {
  readonly start: number;
  readonly spread: number;
  /** The spread of the window before, if this one starts where that one ends. */
  readonly before: number;
  readonly draw: number;
  /** When this page polls. */
  readonly due: number;
  /** Whether a poll has begun since the news. The window itself lasts until its end. */
  readonly served: boolean;
}

/**
 * The window after news. The first news sets the due time; later news with a shorter spread may bring it forward. News after
 * the window's poll has begun gets a window of its own, which starts where this one ends. `due` is when the page polls anyway:
 * within the window, that poll is enough.
 *
 * A window that starts where another ends is at least as wide, as far as this page's place in it goes: very many pages have
 * waited for the same end, and must not all poll right then.
 *
 * News without a spread is polled for at once, whatever window there is: few pages get it, and the gateway has counted their
 * polls for now. So news of a small project does not wait for a large one.
 */
export function newsWindow(window: Window | undefined, now: number, spread: number, draw: number, due: number): Window {
  const pending = window && !window.served;
  if (pending && window.start <= now) {
    // The page keeps its place in the window: if each news drew another, the earliest of many draws would count.
    return spread < window.spread ? { ...window, due: Math.min(window.due, now + spread * window.draw) } : window;
  }
  const end = window ? window.start + window.spread : 0;
  const place = pending ? window : { start: Math.max(now, end), before: end > now ? window!.spread : 0, draw, due: Infinity };
  const width = Math.max(spread, place.before);
  const own = due <= place.start + width ? due : place.start + place.draw * width;
  return { ...place, spread, due: spread ? Math.min(place.due, own) : now, served: false };
}

/** The window after a poll has begun, or when nothing is left to poll for. Before it starts, the one before it still lasts. */
export function served(window: Window | undefined, now: number): Window | undefined {
  if (!window || window.served) return window;
  const { start, before } = window;
  return { ...window, ...(start > now && { start: start - before, spread: before }), served: true };
}
