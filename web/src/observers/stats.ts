import type { PollReason, Stats } from '../types.js';

export type Counts = ReturnType<typeof createStats>;

/** Counts what the page does, and what push spares it. */
export function createStats(now: number) {
  const stats: { -readonly [K in keyof Stats]: Stats[K] } = {
    startedAt: now,
    polls: 0,
    newsPolls: 0,
    failedPolls: 0,
    events: 0,
    streams: 0,
    saved: 0,
    missed: 0,
    lagMs: null,
  };
  let credit = 0; // polls that push has made needless so far
  let rate = 0; // how many it makes needless in a millisecond now
  let since = now;
  let behindAt = 0; // since when push has known more than the page, if it does

  function earn(at: number) {
    credit += (at - since) * rate;
    since = at;
  }

  const counts = {
    stats,
    lastPollAt: null as number | null,
    lastEventAt: null as number | null,
    /** From now on the page would poll every `fast` ms without push, and needs to every `allowed` ms. */
    pace(at: number, fast: number, allowed: number) {
      earn(at);
      rate = 1 / fast - 1 / allowed;
    },
    polling(at: number, reason: PollReason) {
      earn(at);
      counts.lastPollAt = at;
      stats.polls++;
      if (reason === 'news') stats.newsPolls++;
      stats.saved = Math.max(0, Math.round(credit));
    },
    /** Whether the page knows of something that it does not have. */
    behind(at: number, owes: boolean) {
      if (!owes && behindAt) stats.lagMs = at - behindAt;
      behindAt = owes ? behindAt || at : 0;
    },
  };
  return counts;
}
