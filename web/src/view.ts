import { behind, each, uncovered } from './ledger.js';
import { rare } from './link.js';
import { inForce, pollDue } from './polls.js';
import { Rest, type State } from './state.js';
import type { Mode, Reason, Snapshot } from './types.js';

/** What the page is told of all this. */
export function view(s: State, role: Snapshot['role']): Snapshot {
  return {
    mode: mode(s),
    push: s.push,
    stream: s.held?.state ?? (s.streams && s.rest < Rest.Verdict ? 'waiting' : 'none'),
    rung: s.held ? 'stream' : s.coolEnd ? 'versions' : 'poll',
    role,
    interval: inForce(s),
    fast: s.fast,
    jitter: s.jitter,
    gap: s.gap,
    nextPollAt: s.idle || s.flight ? null : Math.ceil(pollDue(s)),
    lastPollAt: s.lastPollAt,
    lastEventAt: s.lastEventAt,
    versions: each(s.ledger, (e) => e.have),
    behind: behind(s.ledger),
    reason: reason(s),
    stats: { ...s.stats },
  };
}

function mode(s: State): Mode {
  if (s.idle) return s.idle;
  return s.policy === 'shadow' || rare(s) === undefined || uncovered(s.ledger) || s.push === 'down' ? 'poll' : 'push';
}

function reason(s: State): Reason {
  if (s.held?.state !== 'proven') return s.reason;
  if (uncovered(s.ledger)) return 'uncovered';
  return s.push === 'degraded' || s.push === 'down' ? s.push : 'streaming';
}
