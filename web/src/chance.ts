/** Chance: what keeps many browsers from doing the same thing at the same moment. */
export interface Chance {
  /** Uniform in [0, 1). */
  draw: () => number;
}

/** Uniform between the two. */
export function between(t: Chance, low: number, high: number): number {
  return low + (high - low) * t.draw();
}

/** What a server asked for as a minimum is only ever stretched. */
export function stretched(t: Chance & { jitter: number }, ms: number, jitter = t.jitter): number {
  return ms * between(t, 1, 1 + jitter);
}

/** Full jitter: anything from `floor` to the n-th doubling of `step`, `cap` at most. */
export function backoff(t: Chance, n: number, step: number, floor: number, cap: number): number {
  return between(t, floor, Math.max(floor, Math.min(cap, step * 2 ** n)));
}
