import type { EveryOptions, Nudge, Poll, Snapshot } from './nudge.js';
/** What Vue calls a MaybeRefOrGetter. */
export type Given<T> = T | {
    readonly value: T;
} | (() => T);
/**
 * What nudge shows now, or the part of it that `select` takes, for as long as the component or the effect scope is there. It
 * changes only with that part.
 */
export declare function useNudge(nudge: Nudge): {
    readonly value: Snapshot;
};
export declare function useNudge<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): {
    readonly value: T;
};
/**
 * A poll of this component, in the place of a setInterval: `nudge.every` for as long as the component or the effect scope is
 * there, and while `ms` is above 0. `ms` and `projects` may be refs or getters.
 */
export declare function useEvery(nudge: Nudge, ms: Given<number | false | null | undefined>, run: Poll, { projects, immediate }?: Omit<EveryOptions, 'projects'> & {
    readonly projects?: Given<EveryOptions['projects']>;
}): void;
