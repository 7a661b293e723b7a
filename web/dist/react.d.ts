import type { Nudge, Snapshot } from './nudge.js';
/**
 * What nudge shows now, or the part of it that `select` takes. The component renders again only when that part is another
 * one, by `Object.is`: so take a value out of the snapshot, and do not make a new object each time.
 */
export declare function useNudge(nudge: Nudge): Snapshot;
export declare function useNudge<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): T;
