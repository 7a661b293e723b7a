import type { Push, Reason, Snapshot, Stats } from './types.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known at this moment, in one place. Everybody reads it; each field has one writer. */
export interface State {
  // Written by the link.
  push: Push;
  reason: Reason;
  /** The interval without push, and the jitter of every interval, as a gateway last said. */
  fast: number;
  jitter: number;
  /** How far apart news-driven polls are. */
  gap: number;
  lastEventAt: Snapshot['lastEventAt'];
  // Written by the poller.
  lastPollAt: Snapshot['lastPollAt'];
  // Counted by whoever does it.
  stats: Writable<Stats>;
}

export function createState(startedAt: number, fast: number): State {
  return {
    push: 'unknown',
    reason: 'starting',
    fast,
    jitter: 0.2,
    gap: 1000,
    lastEventAt: null,
    lastPollAt: null,
    stats: { startedAt, polls: 0, newsPolls: 0, failedPolls: 0, events: 0, streams: 0 },
  };
}
