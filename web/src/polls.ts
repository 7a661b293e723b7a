// When to poll. The loop never stops, and never has two polls in flight: whatever push does only moves the next one.

import { backoff, between, stretched } from './chance.js';
import { answer, ask, behind, gain, owes, uncovered, unheard } from './ledger.js';
import { makeWay, rare, trusted } from './link.js';
import { announced, interval, jittered, residue, served } from './pace.js';
import type { Of, State, Turn } from './state.js';
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
  return interval(t.fast, rare(t), uncovered(t.entries), behind(t.entries) > 0);
}

/** The interval in force. */
export function inForce(t: State): number {
  return Math.max(t.mode === 'shadow' ? t.fast : allowed(t), t.hiddenAt ? t.hidden : 0);
}

/** When news wants a poll. While polls fail it has to wait: an application in trouble is not helped by haste. */
function newsDue({ window, failures, due, newsAt, gap, wait }: State): number {
  if (!window || window.served || failures) return Infinity;
  return window.due === due ? due : Math.max(window.due, newsAt + gap, wait);
}

/** When the next poll begins. */
export function pollDue(t: State): number {
  if (t.wished) return 0;
  return t.paused ? Infinity : Math.min(t.due, newsDue(t));
}

/** Counts the polls that push has made needless since `before`. */
export function account(t: Turn, before: number): void {
  if (t.due < Infinity) t.credit += (t.now - before) * (1 / t.fast - 1 / allowed(t));
}

export function cycle(t: Turn): void {
  t.base = t.longest = inForce(t);
  t.cycleAt = t.now;
  t.due = Math.max(t.floor, t.now + jittered(t.base, t.jitter, t.random()));
  t.why = 'interval';
}

function sooner(t: Turn, ms: number, why: PollReason): void {
  const at = Math.max(t.floor, t.now + ms);
  if (at >= t.due) return;
  t.due = at;
  t.why = why;
}

/** Polls within a second. What is in flight may have been overtaken by events, and then fail: it does not count. */
export function soon(t: Turn, why: PollReason): void {
  if (t.flight) t.hurry = why;
  else sooner(t, t.random() * 1000, why);
}

/**
 * Another interval counts at once: what is left to wait is drawn anew, so that pages whose interval changes together come as
 * evenly as pages that always had it. However often that happens, from one poll to the next it is never longer than the
 * longest of all, and its jitter. Not while polls fail, and not where news has its window: that poll is on its way, and to hurry beside it would make a herd that nobody
 * spread.
 */
export function settle(t: Turn): void {
  const ms = inForce(t);
  if (t.flight || t.due === Infinity || t.failures || (t.window && !t.window.served)) return;
  if (ms >= t.base && ms < t.base * LONGER) return;
  t.base = ms;
  t.longest = Math.max(t.longest, ms);
  if (t.why !== 'interval') return;
  t.due = Math.max(t.floor, Math.min(t.now + residue(ms, t.jitter, t.random()), t.cycleAt + t.longest * (1 + t.jitter)));
}

/** There is news that the page has not polled for. */
export function news(t: Turn): void {
  if (t.mode === 'shadow') return;
  // A poll in flight has begun before the news, so that its due time is past and serves nothing.
  t.window = announced(t.window, t.now, t.spread, t.random(), t.flight ? Infinity : t.due);
}

export function poll(t: Turn): void {
  const reason = t.wished ? 'refresh' : newsDue(t) < t.due ? 'news' : t.why;
  t.wished = false;
  t.window = served(t.window, t.now);
  t.lastPollAt = t.flightAt = t.now;
  t.saved = Math.max(0, Math.round(t.credit));
  if (reason === 'news') {
    t.newsAt = t.now;
    t.newsPolls++;
  }
  t.safety = reason === 'interval' && trusted(t);
  ask(t.entries);
  t.flight = ++t.polls;
  t.pressure = t.now + Ms.Crowded;
  t.slow = false;
  t.effects.push({ kind: 'poll', id: t.flight, reason });
}

/** Whatever comes first ends the poll; a later word of the same poll is not heard. */
function over(t: Turn, { id, retryAfter, pollInterval }: Of<'polled' | 'unpolled'>): boolean {
  if (id !== t.flight) return false;
  t.flight = 0;
  t.pressure = Infinity;
  t.wait = t.now + stretched(t.random, retryAfter, t.jitter);
  t.floor = Math.max(t.wait, t.now + stretched(t.random, pollInterval, t.jitter));
  return true;
}

function hasten(t: Turn): void {
  if (t.hurry) soon(t, t.hurry);
  t.hurry = undefined;
}

export function polled(t: Turn, event: Of<'polled'>): void {
  if (!over(t, event)) return;
  t.failures = 0;
  const stale = answer(t.entries, event.versions);
  if (t.safety) {
    const at = t.now + stretched(t.random, Ms.Grace, 1);
    t.audit = gain(t.entries) ? at : Infinity;
  }
  if (!owes(t.entries)) t.window = served(t.window, t.now);
  if (!behind(t.entries)) t.tries = 0;
  cycle(t);
  if (stale && t.tries < 4) sooner(t, Ms.Again * 2 ** t.tries++ * between(t.random, 0.5, 1.5) + t.spread * t.random(), 'behind');
  hasten(t);
}

export function unpolled(t: Turn, event: Of<'unpolled'>): void {
  if (!over(t, event)) return;
  t.effects.push({ kind: 'abort', id: event.id });
  t.failedPolls++;
  cycle(t);
  t.due = Math.max(t.floor, t.now + backoff(t.random, ++t.failures, t.fast, Ms.Retry, Ms.LongestBackoff));
  t.why = 'retry';
  hasten(t);
}

/** Does what is due of all this. */
export function tickPolls(t: Turn): void {
  if (t.audit <= t.now) {
    t.audit = Infinity;
    judge(t);
  }
  if (!t.flight) {
    settle(t);
    if (pollDue(t) <= t.now) poll(t);
    return;
  }
  if (t.pressure <= t.now) press(t);
  if (t.flightAt + Ms.Patience <= t.now) unpolled(t, { kind: 'unpolled', id: t.flight, retryAfter: 0, pollInterval: 0 });
}

/** The poll in flight seems to find no connection. The page's streams may hold the one that it needs. */
function press(t: Turn): void {
  if (t.now - t.flightAt > Ms.Crowded + Ms.Late && !t.slow) {
    t.pressure = t.now + Ms.Drain;
    t.slow = true;
    return;
  }
  t.pressure = Infinity;
  makeWay(t);
}

/** What safety polls are for, besides the page: one that finds what its stream should have announced tells that push fails. */
function judge(t: Turn): void {
  if (!trusted(t) || t.now < t.quiet) return;
  for (const { id, found } of unheard(t.entries)) {
    t.quiet = t.now + Ms.Quiet;
    t.missed++;
    t.effects.push({ kind: 'report', project: id, version: found! });
  }
}
