// The link to the gateway: one good stream open, as far as the gateway lets it. Two for a moment when one replaces the other:
// the old one goes when the new one is proven. No verdict is for ever: each wait ends with another try.

import { backoff, between, stretched } from './chance.js';
import { judge, type Verdict } from './gateway.js';
import { advance, asked } from './ledger.js';
import { announce } from './polls.js';
import { Deed, type Kind, type Of, type Question, Rest, type State, Step, type Stream, type Turn } from './state.js';
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
export function follow(t: Turn, message: Message): void {
  t.push = message.push ?? t.push;
  t.fast = message.fast_ms ?? t.fast;
  t.jitter = message.jitter ?? t.jitter;
  if (message.fast_ms) t.gap = message.gap_ms; // a cadence that does not name it means the usual one
}

// Steps. One is pending or under way at any time; a new one takes the place of the old.

export const steps: Record<Step, (t: Turn) => void> = {
  [Step.None]() {},
  [Step.Ask]: ask,
  [Step.Open]: open,
  [Step.Authorize]: authorize,
  [Step.Begin]: begin,
  [Step.Hold]: hold,
  [Step.GiveUp]: (t) => failed(t, t.what === 'token' ? t.what : 'unreachable', t.again),
};

export function wait(t: Turn, ms: number, next: Step, why: Reason, how = Rest.Own): void {
  t.question = 0;
  t.rest = how;
  t.reason = why;
  t.step = next;
  t.at.step = t.time + ms;
}

export function failed(t: Turn, why: Reason, next: Step, atLeast = 0): void {
  t.mute = false;
  const own = backoff(t, t.losses++, Ms.Step, Ms.Shortest, Ms.Longest);
  wait(t, Math.max(own, stretched(t, atLeast)), next, why, atLeast ? Rest.Asked : Rest.Own);
}

/** Gives up streams until the verdict may have changed: as long as the terms hold, if nothing else is said. */
export function halt(t: Turn, why: Reason, next = Step.Ask, ms = t.ttl ?? Math.min(6 * t.fast, Ms.LongestTerms)): void {
  leave(t, why);
  endGrace(t);
  t.mute = t.retold = false;
  wait(t, stretched(t, ms), next, why, Rest.Verdict);
}

export function endGrace(t: Turn): void {
  t.grace = undefined;
  t.at.grace = Infinity;
}

/** The page is left; it may come back. */
export function leave(t: Turn, why: Reason): void {
  drop(t, t.fresh);
  drop(t, t.held);
  t.coolEnd = 0;
  wait(t, Infinity, Step.None, why, Rest.Away);
}

/** The n-th long rest. */
function cool(t: Turn, n: number): number {
  return Math.min(Ms.Coolest, Ms.Cool * 2 ** n) * between(t, 0.8, 1.2);
}

/** Puts a question. No answer in time is a failure. */
function expect(t: Turn, what: Question, again: Step, ms: number = Ms.Patience): void {
  t.question = ++t.asked;
  t.what = what;
  t.again = again;
  t.step = Step.GiveUp;
  t.at.step = t.time + ms;
  t.effects.push({ kind: Deed.Ask, id: t.asked, what, why: t.retold ? 'refused' : t.provenAt ? 'expiring' : 'start' });
}

/** Opens the first stream, or that after an absence. */
export function begin(t: Turn): void {
  t.rest = Rest.Own;
  if (!t.ledger.length) wait(t, Infinity, Step.None, t.reason); // until there is something to watch
  else if (t.tokens) authorize(t);
  else if (t.policy === 'off') ask(t);
  else open(t);
}

/** Asks how things stand, and so why a stream may have ended. */
function ask(t: Turn): void {
  t.coolEnd = 0;
  expect(t, 'terms', Step.Ask);
}

/** Gets a token and gives it to the gateway, for a cookie, unless each request has it: no URL should ever hold one. */
export function authorize(t: Turn): void {
  t.armed = false;
  expect(t, 'token', Step.Authorize);
}

/** Asks for the versions as soon as one differs, while there is no stream to be had. */
function hold(t: Turn): void {
  if (t.time >= t.coolEnd) ask(t);
  else expect(t, 'versions', Step.Hold, Ms.Held + Ms.Patience);
}

/** Lets held questions stand in for streams until then. */
function standIn(t: Turn, end: number, why: Reason): void {
  t.rest = Rest.Asked;
  t.reason = why;
  t.coolEnd = end;
  hold(t);
}

export function open(t: Turn): void {
  if (!t.streams) return t.reach ? standIn(t, Infinity, 'unsupported') : wait(t, Infinity, Step.None, 'unsupported', Rest.Verdict);
  wait(t, Infinity, Step.None, t.reason);
  drop(t, t.fresh);
  const stream: Stream = { id: ++t.stats.streams, state: 'connecting', heartbeat: 25_000, due: t.time + Ms.Connect };
  if (t.held) t.fresh = stream;
  else t.held = stream;
  t.effects.push({ kind: Deed.Open, id: stream.id });
}

/** Lets go of a stream; true if the other takes its place, or goes on. */
export function drop(t: Turn, stream: Stream | undefined): boolean {
  if (!stream) return false;
  t.effects.push({ kind: Deed.Close, id: stream.id });
  const heir = stream === t.held && t.fresh;
  if (stream === t.held) t.held = t.fresh;
  t.fresh = undefined;
  return !!heir;
}

/** The page was away, or the network: whatever stream there is may be dead without knowing. */
export function renew(t: Turn): void {
  const away = t.rest === Rest.Away;
  if (t.idle || (!away && (t.rest || t.fresh || t.held?.state === 'connecting'))) return;
  wait(t, t.draw() * 1000, away ? Step.Begin : t.held ? Step.Open : Step.Ask, t.reason);
}

/** A poll goes unanswered. The page's streams may hold the connection that it needs: they make way for long. */
export function makeWay(t: Turn): void {
  if (!t.held) return;
  t.push = 'unknown';
  halt(t, 'crowded');
  wait(t, cool(t, t.crowds++), Step.Ask, 'crowded', Rest.Verdict);
}

/** Takes the page's answer to the question for a token. */
export function token(t: Turn, event: Of<Kind.Token>): void {
  if (!event.id || event.id !== t.question) return;
  if (!event.granted) halt(t, 'token', Step.Authorize);
  else if (t.bearer) connect(t);
  else expect(t, 'session', Step.Authorize);
}

export function unanswered(t: Turn, { id }: Of<Kind.Failed>): void {
  if (id && id === t.question) steps[Step.GiveUp](t);
}

/** Takes the gateway's answer. */
export function replied(t: Turn, event: Of<Kind.Replied>): void {
  if (!event.id || event.id !== t.question) return;
  t.ttl = event.message.ttl_ms ?? t.ttl;
  const verdict = judge(event, asked(t.ledger), t.what);
  follow(t, event.message);
  verdicts[verdict](t, event, verdict as Reason);
}

/** What an answer means for the stream; at once another step follows. */
const verdicts: Record<Verdict, (t: Turn, event: Of<Kind.Replied>, why: Reason) => void> = {
  go: (t, { message }) => (t.what === 'versions' ? learned(t, message) : connect(t, message)),
  // A cookie that has expired is not sent: to the gateway this page then is nobody, whom nothing covers.
  token: (t) => (t.tokens ? again(t, 'token', Step.Authorize) : halt(t, 'token')),
  denied: (t) => again(t, 'denied', Step.Ask),
  off(t) {
    t.push = 'off';
    halt(t, 'off');
  },
  busy: later,
  unreachable: later,
  captive: (t) => failed(t, 'captive', t.again),
};

function later(t: Turn, event: Of<Kind.Replied>, why: Reason): void {
  failed(t, why, t.again, event.retryAfter);
}

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
  if (t.policy === 'off') return halt(t, 'off');
  if (rests) return standIn(t, t.time + cool(t, t.mutes - 2), 'mute');
  const ms = message?.connect_after_ms;
  if (ms) wait(t, stretched(t, ms), Step.Open, t.reason, Rest.Asked);
  else open(t);
}

/** Takes the versions that differ, and asks for the next. */
function learned(t: Turn, { versions, spread_ms }: Message): void {
  t.losses = 0;
  t.spread = spread_ms;
  announce(t, Object.entries(versions).flatMap(([project, version]) => advance(t.ledger, { project, version })[0] ?? []));
  wait(t, t.gap * between(t, 1, 2), Step.Hold, t.reason, Rest.Asked);
}
