// When to poll. The loop never stops, and never has two polls in flight: whatever push does only moves the next one.

import { backoff, between, stretched } from './chance.js';
import { answer, ask, behind, gain, owes, uncovered, unheard } from './ledger.js';
import { makeWay, rare, trusted } from './link.js';
import { announced, interval, jittered, residue, served } from './pace.js';
import { Deed, type Entry, Kind, type Of, type State, type Turn } from './state.js';
import type { PollReason } from './types.js';

export const enum Ms {
  /** A poll without an answer for this long may lack a connection: a browser has six per host for all tabs over HTTP/1.1. */
  Crowded = 10_000,
  /** A timer later than this means that the page was asleep: then an answer has Drain to come out. */
  Late = 1000,
  Drain = 1000,
  /** A poll without an answer for this long has failed. */
  Patience = 60_000,
  /** The first wait after an answer older than what was announced; it doubles, four times. */
  Again = 250,
  /** A poll that failed is not repeated sooner than this, and back-off goes no further than that. */
  Retry = 1000,
  LongestBackoff = 300_000,
  /** News may be as late as this, or twice this, before it counts as missed: it is published after the commit that a poll sees. */
  Grace = 2000,
  /** For this long after a report the page is silent. */
  Quiet = 300_000,
}

/** What is longer by less than this counts from the next poll: to draw anew each time would let some wait for ever. */
const LONGER = 1.5;

/** The interval that push allows, whether the page makes use of it or not. */
function allowed(t: State): number {
  return interval(t.fast, rare(t), uncovered(t.ledger), behind(t.ledger) > 0);
}

/** The interval in force. */
export function inForce(t: State): number {
  return Math.max(t.policy === 'shadow' ? t.fast : allowed(t), t.hiddenAt ? t.hidden : 0);
}

/** When news wants a poll. While polls fail it has to wait: an application in trouble is not helped by haste. */
function newsDue(t: State): number {
  if (!t.newsWindow || t.newsWindow.served || t.failures) return Infinity;
  return t.newsWindow.due === t.due ? t.due : Math.max(t.newsWindow.due, t.newsAt + t.gap, t.wait);
}

/** When the next poll begins. */
export function pollDue(t: State): number {
  if (t.wished) return 0;
  return t.idle ? Infinity : Math.min(t.due, newsDue(t));
}

/** Counts the polls that push has made needless since `before`. */
export function account(t: Turn, before: number): void {
  if (t.due < Infinity) t.credit += (t.time - before) * (1 / t.fast - 1 / allowed(t));
}

function plan(t: Turn, ms: number, why: PollReason, before = Infinity): void {
  const due = Math.max(t.floor, t.time + ms);
  if (due >= before) return;
  t.due = due;
  t.why = why;
}

export function cycle(t: Turn): void {
  t.base = t.longest = inForce(t);
  t.cycleAt = t.time;
  plan(t, jittered(t.base, t.jitter, t.draw()), 'interval');
}

/** Polls within a second. What is in flight may have been overtaken by events, and then fail: it does not count. */
export function soon(t: Turn, why: PollReason): void {
  if (t.flight) t.hurry = why;
  else plan(t, t.draw() * 1000, why, t.due);
}

/**
 * Another interval counts at once: what is left to wait is drawn anew, so that pages whose interval changes together come as
 * evenly as pages that always had it. However often that happens, from one poll to the next it is never longer than the
 * longest of all, and its jitter. Not while polls fail, and not where news has its window: that poll is on its way, and to
 * hurry beside it would make a herd that nobody spread.
 */
export function settle(t: Turn): void {
  const ms = inForce(t);
  if (t.flight || t.due === Infinity || t.failures || (t.newsWindow && !t.newsWindow.served)) return;
  if (ms >= t.base && ms < t.base * LONGER) return;
  t.base = ms;
  t.longest = Math.max(t.longest, ms);
  const latest = t.cycleAt + t.longest * (1 + t.jitter) - t.time;
  if (t.why === 'interval') plan(t, Math.min(residue(ms, t.jitter, t.draw()), latest), t.why);
}

/** Tells of news: what gateways have just named. A poll is for whatever `those` lack. */
export function announce(t: Turn, named: Entry[], those = t.ledger): void {
  for (const { id, told } of named) t.effects.push({ kind: Deed.News, project: id, version: told! });
  // In shadow the page polls as if nothing had been said.
  if (t.policy === 'shadow' || !owes(those)) return;
  // A poll in flight has begun before the news, so that its due time is past and serves nothing.
  t.newsWindow = announced(t.newsWindow, t.time, t.spread, t.draw(), t.flight ? Infinity : t.due);
}

export function poll(t: Turn): void {
  const reason = t.wished ? 'refresh' : newsDue(t) < t.due ? 'news' : t.why;
  t.wished = false;
  t.newsWindow = served(t.newsWindow, t.time);
  t.lastPollAt = t.time;
  t.stats.saved = Math.max(0, Math.round(t.credit));
  if (reason === 'news') {
    t.newsAt = t.time;
    t.stats.newsPolls++;
  }
  t.safety = reason === 'interval' && trusted(t);
  ask(t.ledger);
  t.flight = ++t.stats.polls;
  t.at.pressure = t.time + Ms.Crowded;
  t.at.patience = t.time + Ms.Patience;
  t.slow = false;
  t.effects.push({ kind: Deed.Poll, id: t.flight, reason });
}

/** Whatever comes first ends the poll; a later word of the same poll is not heard. */
function over(t: Turn, event: Of<Kind.Polled | Kind.Unpolled>): boolean {
  if (event.id !== t.flight) return false;
  t.flight = 0;
  t.at.pressure = t.at.patience = Infinity;
  t.wait = t.time + stretched(t, event.retryAfter);
  t.floor = Math.max(t.wait, t.time + stretched(t, event.pollInterval));
  return true;
}

function hasten(t: Turn): void {
  if (t.hurry) soon(t, t.hurry);
  t.hurry = undefined;
}

export function polled(t: Turn, event: Of<Kind.Polled>): void {
  if (!over(t, event)) return;
  t.failures = 0;
  const stale = answer(t.ledger, event.versions);
  if (t.safety) {
    const at = t.time + stretched(t, Ms.Grace, 1);
    t.at.audit = gain(t.ledger) ? at : Infinity;
  }
  if (!owes(t.ledger)) t.newsWindow = served(t.newsWindow, t.time);
  if (!behind(t.ledger)) t.tries = 0;
  cycle(t);
  if (stale && t.tries < 4) plan(t, Ms.Again * 2 ** t.tries++ * between(t, 0.5, 1.5) + t.spread * t.draw(), 'behind', t.due);
  hasten(t);
}

export function unpolled(t: Turn, event: Of<Kind.Unpolled>): void {
  if (!over(t, event)) return;
  t.effects.push({ kind: Deed.Abort, id: event.id });
  t.stats.failedPolls++;
  cycle(t);
  plan(t, backoff(t, ++t.failures, t.fast, Ms.Retry, Ms.LongestBackoff), 'retry');
  hasten(t);
}

/** No answer came: as if there had been a bad one. */
export function giveUp(t: Turn): void {
  unpolled(t, { kind: Kind.Unpolled, id: t.flight!, versions: {}, retryAfter: 0, pollInterval: 0 });
}

/** The poll in flight seems to find no connection. The page's streams may hold the one that it needs. */
export function press(t: Turn): void {
  if (t.time - t.lastPollAt! > Ms.Crowded + Ms.Late && !t.slow) {
    t.at.pressure = t.time + Ms.Drain;
    t.slow = true;
  } else makeWay(t);
}

/** What safety polls are for, besides the page: one that finds what its stream should have announced tells that push fails. */
export function judge(t: Turn): void {
  if (!trusted(t) || t.time < t.quiet!) return;
  for (const { id, found } of unheard(t.ledger)) {
    t.quiet = t.time + Ms.Quiet;
    t.stats.missed++;
    t.effects.push({ kind: Deed.Report, project: id, version: found! });
  }
}
