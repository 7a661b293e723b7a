import { behind, each, uncovered } from './ledger.js';
import { rare } from './link.js';
import { inForce, pollDue } from './polls.js';
import { Rest, type State } from './state.js';
import type { Mode, Reason, Snapshot } from './types.js';

/** What the page is told of all this. */
export function view(s: State, stopped: boolean, startedAt: number, role: Snapshot['role']): Snapshot {
  const { push, fast, jitter, gap, lastPollAt, lastEventAt, entries, held } = s;
  const { polls, newsPolls, failedPolls, events, streamed, saved, missed, lagMs } = s;
  return {
    mode: stopped ? 'stopped' : mode(s),
    push,
    stream: stopped ? 'none' : (held?.state ?? (s.streams && s.rest < Rest.Verdict ? 'waiting' : 'none')),
    rung: stopped ? 'poll' : held ? 'stream' : s.coolEnd ? 'versions' : 'poll',
    role,
    interval: inForce(s),
    fast,
    jitter,
    gap,
    nextPollAt: stopped || s.flight || s.paused ? null : Math.ceil(pollDue(s)),
    lastPollAt,
    lastEventAt,
    versions: each(entries, (e) => e.have),
    behind: behind(entries),
    reason: stopped ? 'stopped' : reason(s),
    stats: { startedAt, polls, newsPolls, failedPolls, events, streams: streamed, saved, missed, lagMs },
  };
}

function mode(s: State): Mode {
  if (s.paused) return 'paused';
  return s.mode === 'shadow' || rare(s) === undefined || uncovered(s.entries) || s.push === 'down' ? 'poll' : 'push';
}

function reason({ held, entries, push, reason }: State): Reason {
  if (held?.state !== 'proven') return reason;
  if (uncovered(entries)) return 'uncovered';
  return push === 'degraded' || push === 'down' ? push : 'streaming';
}
