import type { Nudge, Snapshot } from './nudge.js';
/** A store as Svelte defines it, which Solid's `from` takes too. */
export interface Store<T> {
    /** Calls `run` with the value now, and after each change of it. Returns the undo. */
    subscribe(run: (value: T) => void): () => void;
}
/** What nudge shows, or the part of it that `select` takes. */
export declare function store(nudge: Nudge): Store<Snapshot>;
export declare function store<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): Store<T>;
