import { useSyncExternalStore } from 'react';
import type { Nudge, Snapshot } from '../nudge.js';

/** What each instance said when React first saw it: a server renders that, and hydration must begin with the same. */
const first = new WeakMap<Nudge, Snapshot>();

function remembered(nudge: Nudge): Snapshot {
  const now = first.get(nudge) ?? nudge.getSnapshot();
  first.set(nudge, now);
  return now;
}

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
    () => select(remembered(nudge)),
  );
}
