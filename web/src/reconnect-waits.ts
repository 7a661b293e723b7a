// How long the connection waits before it tries again, as arithmetic. `draw` gives random numbers, uniform in [0, 1).

import { backoff, between } from './interval-math.js';

const enum Ms {
  /** The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds. */
  Step = 1000,
  Shortest = 250,
  Longest = 30_000,
  /** When a gateway dies, its browsers lose their streams at once. They come back spread over this, or over the newest spread. */
  FirstLoss = 5000,
  /** From the second mute stream in a row, or when streams leave polls no connection, they rest: this long, doubled each time. */
  Rest = 300_000,
  LongestRest = 3_600_000,
}

/** After the n-th failure in a row. */
export function afterFailure(draw: () => number, n: number): number {
  return backoff(draw(), n, Ms.Step, Ms.Shortest, Ms.Longest);
}

/** The same without a token: it is asked of the application, so as rarely as a poll that fails. */
export function afterNoToken(draw: () => number, n: number, fast: number): number {
  return backoff(draw(), n, fast, Ms.Step, Ms.Rest);
}

/** After a stream that worked was lost, and many others may have been. */
export function afterLoss(draw: () => number, spread: number): number {
  return between(draw(), Ms.Shortest, lossSpread(spread));
}

/** Over which time lost streams come back. */
export function lossSpread(spread: number): number {
  return Math.max(Ms.FirstLoss, spread);
}

/** After a stream that said nothing. */
export function afterMute(draw: () => number): number {
  return between(draw(), 5000, 15_000);
}

/** A goodbye names a time. A gateway that sends everybody away at once, before a stream is proven, is not asked at once. */
export function afterGoodbye(draw: () => number, ms: number, proven: boolean): number {
  return Math.max(ms, proven ? Ms.Shortest : between(draw(), 1000, 2000));
}

/** The n-th long rest. */
export function longRest(draw: () => number, n: number): number {
  return Math.min(Ms.LongestRest, Ms.Rest * 2 ** n) * between(draw(), 0.8, 1.2);
}
