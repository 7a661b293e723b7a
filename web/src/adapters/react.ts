import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { EveryOptions, Nudge, Poll, Snapshot } from '../nudge.js';

/**
 * What nudge shows now, or the part of it that `select` takes. The component renders again only when that part is another
 * one, by `Object.is`: so take a value out of the snapshot, and do not make a new object each time.
 */
export function useNudge(nudge: Nudge): Snapshot;
export function useNudge<T>(nudge: Nudge, select: (snapshot: Snapshot) => T): T;
export function useNudge<T>(nudge: Nudge, select: (snapshot: Snapshot) => T | Snapshot = (all) => all): T | Snapshot {
  return useSyncExternalStore(
    nudge.subscribe,
    () => select(nudge.getSnapshot()),
    () => select(nudge.getServerSnapshot()),
  );
}

/**
 * A poll of this component, in the place of a setInterval in an effect: `nudge.every` while it is mounted, and while `ms` is
 * above 0. `run` may be another function in each render; the newest is called.
 */
export function useEvery(nudge: Nudge, ms: number | false | null | undefined, run: Poll, options: EveryOptions = {}): void {
  const newest = useRef({ run, options });
  useEffect(() => {
    newest.current = { run, options };
  });
  useEffect(() => (ms ? nudge.every(ms, (context) => newest.current.run(context), newest.current.options) : undefined), [nudge, ms, ids(options)]);
}

/** Versions may change with each render. That makes no other poll. */
function ids({ projects = [] }: EveryOptions): string {
  return String(typeof projects !== 'object' || Array.isArray(projects) ? projects : Object.keys(projects));
}
