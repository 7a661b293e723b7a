import type { Connection } from './connection.js';
import type { PagePoll } from './page-poll.js';
import type { Counts } from './observers/stats.js';
import type { Mode, Reason, Snapshot } from './types.js';

/** What the page is told of all this. `idle`: it wants no polls. */
export function view(connection: Connection, main: PagePoll, { stats, lastPollAt, lastEventAt }: Counts, idle: 'paused' | 'stopped' | undefined, shadow: boolean): Snapshot {
  const now = connection.now;
  const { push } = now;
  const { versions, loop, error } = main;
  const pace = main.pace();
  const rare = connection.rare();
  const uncovered = versions.uncovered();
  const ahead = versions.ahead().map(([id]) => id);

  function why(): Reason {
    if (now.stream !== 'proven') return now.reason;
    if (push === 'down') return push; // before what the stream leaves out: without Redis a gateway can serve no project
    if (uncovered) return 'uncovered';
    if (push === 'degraded') return push;
    return ahead.length ? 'ahead' : 'streaming';
  }

  const polls = shadow || rare === undefined || uncovered || push === 'down';
  const mode: Mode = idle ?? (polls ? 'poll' : 'push');
  return {
    ...now,
    mode,
    interval: pace.interval,
    nextPollAt: idle ? null : loop.nextAt,
    lastPollAt,
    lastEventAt,
    versions: versions.shown(),
    behind: versions.behind(),
    reason: why(),
    ahead,
    error,
    stats: { ...stats },
  };
}
