// The link to the gateway: one good stream open, as far as the gateway lets it. Two for a moment when one replaces the other:
// the old one goes when the new one is proven. No verdict is for ever: each wait ends with another try.

import { backoff, between, stretched } from './chance.js';
import { judge, type Verdict } from './gateway.js';
import { advance, owes } from './ledger.js';
import { news } from './polls.js';
import { type Of, type Question, Rest, type State, type Step, type Stream, type Turn } from './state.js';
import type { Reason } from './types.js';
import type { Message } from './wire.js';

export const enum Ms {
  /** The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds. */
  Step = 1000,
  Shortest = 250,
  Longest = 30_000,
  /**
   * When a gateway dies, all its browsers lose their streams at once. A script cannot see `retry`, so they spread their
   * return over this much, or over the newest spread if that is longer. They poll meanwhile, so nothing is lost by it.
   */
  FirstLoss = 5000,
  /** From the second mute stream in a row, or when streams crowd out polls, they rest: this long, doubled each time. */
  Cool = 300_000,
  Coolest = 3_600_000,
  /** The terms of a gateway that names none hold for six intervals without push, and for this long at most. */
  LongestTerms = 60_000,
  /** A question without an answer for this long has failed; versions may be held for 25 s more. */
  Patience = 15_000,
  Held = 25_000,
  /** A gateway says hello within 2 s; the rest is for slow networks. */
  Connect = 10_000,
}

/** The poll interval that the proven stream allows, or that the grace after one keeps. */
export function rare({ held, grace }: State): number | undefined {
  return held?.state === 'proven' ? held.poll : grace;
}

/** Whether the page relies on push. */
export function trusted({ held, push }: State): boolean {
  return held?.state === 'proven' && push !== 'down';
}

/** Takes what any message says of the cadence. */
export function follow(t: Turn, { push, fast_ms, jitter, gap_ms }: Message): void {
  t.push = push ?? t.push;
  t.fast = fast_ms ?? t.fast;
  t.jitter = jitter ?? t.jitter;
  if (fast_ms) t.gap = gap_ms; // a cadence that does not name it means the usual one
}

// Steps. One is pending or under way at any time; a new one takes the place of the old.

export const steps: Record<Step, (t: Turn) => void> = {
  ask,
  open,
  authorize,
  begin,
  hold,
  giveUp: (t) => failed(t, t.what === 'token' ? t.what : 'unreachable', t.again),
  '': () => {},
};

export function wait(t: Turn, ms: number, next: Step, why: Reason, how = Rest.Own): void {
  t.question = 0;
  t.rest = how;
  t.reason = why;
  t.step = next;
  t.stepAt = t.now + ms;
}

export function failed(t: Turn, why: Reason, next: Step, atLeast = 0): void {
  t.mute = false;
  const own = backoff(t.random, t.losses++, Ms.Step, Ms.Shortest, Ms.Longest);
  wait(t, Math.max(own, stretched(t.random, atLeast, t.jitter)), next, why, atLeast ? Rest.Asked : Rest.Own);
}

/** Gives up streams until the verdict may have changed: as long as the terms hold, if nothing else is said. */
export function halt(t: Turn, why: Reason, next: Step = 'ask', ms = t.ttl ?? Math.min(6 * t.fast, Ms.LongestTerms)): void {
  leave(t, why);
  endGrace(t);
  t.mute = t.retold = false;
  wait(t, stretched(t.random, ms, t.jitter), next, why, Rest.Verdict);
}

export function endGrace(t: Turn): void {
  t.grace = undefined;
  t.graceEnd = Infinity;
}

/** The page is left; it may come back. */
export function leave(t: Turn, why: Reason): void {
  drop(t, t.fresh);
  drop(t, t.held);
  t.coolEnd = 0;
  wait(t, Infinity, '', why, Rest.Away);
}

/** The n-th long rest. */
function cool(t: Turn, n: number): number {
  return Math.min(Ms.Coolest, Ms.Cool * 2 ** n) * between(t.random, 0.8, 1.2);
}

/** Puts a question. No answer in time is a failure. */
function expect(t: Turn, what: Question, again: Step, ms: number = Ms.Patience): void {
  t.question = ++t.asked;
  t.what = what;
  t.again = again;
  t.step = 'giveUp';
  t.stepAt = t.now + ms;
  t.effects.push({ kind: 'ask', id: t.asked, what, why: t.retold ? 'refused' : t.provenAt ? 'expiring' : 'start' });
}

/** Opens the first stream, or that after an absence. */
export function begin(t: Turn): void {
  t.rest = Rest.Own;
  if (t.tokens) authorize(t);
  else if (t.mode === 'off') ask(t);
  else open(t);
}

/** Asks how things stand, and so why a stream may have ended. */
function ask(t: Turn): void {
  t.coolEnd = 0;
  expect(t, 'terms', 'ask');
}

/** Gets a token and gives it to the gateway, for a cookie, unless each request has it: no URL should ever hold one. */
export function authorize(t: Turn): void {
  t.armed = false;
  expect(t, 'token', 'authorize');
}

/** Asks for the versions as soon as one differs, while there is no stream to be had. */
function hold(t: Turn): void {
  if (t.now >= t.coolEnd) ask(t);
  else expect(t, 'versions', 'hold', Ms.Held + Ms.Patience);
}

export function open(t: Turn): void {
  t.rest = Rest.Own;
  t.question = 0;
  t.stepAt = Infinity;
  if (!t.streams) {
    t.reason = 'unsupported';
    t.rest = t.reach ? Rest.Asked : Rest.Verdict;
    t.coolEnd = t.reach ? Infinity : 0;
    return t.reach ? hold(t) : undefined;
  }
  drop(t, t.fresh);
  const stream: Stream = { id: ++t.streamed, state: 'connecting', heartbeat: 25_000, helloAt: 0, lastAt: 0, due: t.now + Ms.Connect };
  if (t.held) t.fresh = stream;
  else t.held = stream;
  t.effects.push({ kind: 'open', id: stream.id });
}

/** Lets go of a stream; true if the other takes its place, or goes on. */
export function drop(t: Turn, stream: Stream | undefined): boolean {
  if (!stream) return false;
  t.effects.push({ kind: 'close', id: stream.id });
  const heir = stream === t.held && t.fresh;
  if (stream === t.held) t.held = t.fresh;
  t.fresh = undefined;
  return !!heir;
}

/** The new stream has shown what it can: the old one goes. */
export function replace(t: Turn): void {
  drop(t, t.held);
}

/** The page was away, or the network: whatever stream there is may be dead without knowing. */
export function renew(t: Turn): void {
  const away = t.rest === Rest.Away;
  if (t.paused || (!away && (t.rest || t.fresh || t.held?.state === 'connecting'))) return;
  wait(t, t.random() * 1000, away ? 'begin' : t.held ? 'open' : 'ask', t.reason);
}

/** A poll goes unanswered. The page's streams may hold the connection that it needs: they make way for long. */
export function makeWay(t: Turn): void {
  if (!t.held) return;
  t.push = 'unknown';
  halt(t, 'crowded');
  wait(t, cool(t, t.crowds++), 'ask', 'crowded', Rest.Verdict);
}

/** Takes the page's answer to the question for a token. */
export function token(t: Turn, { id, granted }: Of<'token'>): void {
  if (!id || id !== t.question) return;
  if (!granted) halt(t, 'token', 'authorize');
  else if (t.bearer) connect(t);
  else expect(t, 'session', 'authorize');
}

export function unanswered(t: Turn, { id }: Of<'failed'>): void {
  if (id && id === t.question) steps.giveUp(t);
}

/** Takes the gateway's answer. */
export function replied(t: Turn, event: Of<'replied'>): void {
  if (!event.id || event.id !== t.question) return;
  const { message } = event;
  t.question = 0;
  t.stepAt = Infinity;
  t.ttl = message.ttl_ms ?? t.ttl;
  const verdict = judge(event, t.entries.map((e) => e.id), t.what);
  follow(t, message);
  verdicts[verdict](t, event);
}

/** What an answer means for the stream. */
const verdicts: Record<Verdict, (t: Turn, event: Of<'replied'>) => void> = {
  go: (t, { message }) => (t.what === 'versions' ? learned(t, message) : connect(t, message)),
  // A cookie that has expired is not sent: to the gateway this page then is nobody, whom nothing covers.
  token: (t) => (t.tokens ? again(t, 'token', 'authorize') : halt(t, 'token')),
  denied: (t) => again(t, 'denied', 'ask'),
  off(t) {
    t.push = 'off';
    halt(t, 'off');
  },
  busy: (t, { retryAfter }) => failed(t, 'busy', t.again, retryAfter),
  unreachable: (t, { retryAfter }) => failed(t, 'unreachable', t.again, retryAfter),
  captive: (t) => failed(t, 'captive', t.again),
};

/** Once with another token; then it is a verdict. */
function again(t: Turn, why: Reason, next: Step): void {
  if (!t.tokens || t.retold) return halt(t, why, next);
  t.retold = true;
  authorize(t);
}

/** Opens a stream, now or when the gateway says. */
function connect(t: Turn, message?: Message): void {
  // The network is fine, so a mute stream was not its fault.
  const rests = t.mute && ++t.mutes > 1;
  t.mute = false;
  if (t.mode === 'off') return halt(t, 'off');
  if (rests) {
    t.coolEnd = t.now + cool(t, t.mutes - 2);
    t.rest = Rest.Asked;
    t.reason = 'mute';
    return hold(t);
  }
  const ms = message?.connect_after_ms;
  if (ms) wait(t, stretched(t.random, ms, t.jitter), 'open', t.reason, Rest.Asked);
  else open(t);
}

/** Takes the versions that differ, and asks for the next. */
function learned(t: Turn, { versions, spread_ms }: Message): void {
  t.losses = 0;
  t.spread = spread_ms;
  for (const [project, version] of Object.entries(versions)) {
    if (advance(t.entries, { project, version } as Message)[0]) t.effects.push({ kind: 'news', project, version: version as number });
  }
  if (owes(t.entries)) news(t);
  wait(t, t.gap * between(t.random, 1, 2), 'hold', t.reason, Rest.Asked);
}
