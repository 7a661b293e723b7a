import type { EveryOptions, Nudge, Poll, Snapshot } from './nudge.js';
/**
 * What nudge shows now, or the part of it that `select` takes. The component renders again only when that part is another
 * one, by `Object.is`: so take a value out of the snapshot, and do not make a new object each time.
 */
export declare function useNudge(nudge: Nudge): Snapshot;
export declare function useNudge<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): T;
/**
 * A poll of this component, in the place of a setInterval in an effect: `nudge.every` while it is mounted, and while `ms` is
 * above 0. `run` may be another function in each render; the newest is called.
 */
export declare function useEvery(nudge: Nudge, ms: number | false | null | undefined, run: Poll, options?: EveryOptions): void;
