/** Chance: what keeps many browsers from doing the same thing at the same moment. */
export type Random = () => number;

/** Uniform between the two. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** What a server asked for as a minimum is only ever stretched. */
export function stretched(random: Random, ms: number, jitter: number): number {
  return ms * between(random, 1, 1 + jitter);
}

/** Full jitter: anything from `floor` to the n-th doubling of `step`, `cap` at most. */
export function backoff(random: Random, n: number, step: number, floor: number, cap: number): number {
  return between(random, floor, Math.max(floor, Math.min(cap, step * 2 ** n)));
}
