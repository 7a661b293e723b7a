import type { Nudge, Snapshot } from '../nudge.js';

/** A store as Svelte defines it, which Solid's `from` takes too. */
export interface Store<T> {
  /** Calls `run` with the value now, and after each change of it. Returns the undo. */
  subscribe(run: (value: T) => void): () => void;
}

/** What nudge shows, or the part of it that `select` takes. */
export function store(nudge: Nudge): Store<Snapshot>;
export function store<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): Store<T>;
export function store<T>(nudge: Nudge, select: (snapshot: Snapshot) => T | Snapshot = (all) => all): Store<T | Snapshot> {
  return {
    subscribe(run) {
      let last = select(nudge.getSnapshot());
      run(last);
      return nudge.subscribe(() => {
        const now = select(nudge.getSnapshot());
        if (!Object.is(now, last)) run((last = now));
      });
    },
  };
}
