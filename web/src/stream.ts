// One stream from opening to end, whatever carries it. What is carried is believed only when it has shown that it comes.

import { between } from './chance.js';
import { advance, greet } from './ledger.js';
import { authorize, drop, endGrace, failed, follow, halt, Ms as Link, wait } from './link.js';
import { announce } from './polls.js';
import { Deed, type Kind, type Of, Rest, type Sign, Step, type Stream, type Turn } from './state.js';
import type { Message } from './wire.js';

const enum Ms {
  /** A stream is proven by an event this long after its first hello: not with it, and not when it was too late. */
  ProofFrom = 500,
  ProofTo = 5000,
  /** A timer later than this means that the page was asleep. */
  Late = 1000,
  /** How long events that queued up meanwhile have to come out. */
  Drain = 1000,
  /** A stream that was proven for this long clears the record. */
  Stable = 60_000,
  /** After an intended end nobody polls faster for this long, or until this long after the time to come back. */
  Grace = 60_000,
  GraceMore = 10_000,
  /** A token that lives shorter is left to expire: the gateway says goodbye then. */
  SoonestRenewal = 10_000,
}

type Cell = (t: Turn, stream: Stream) => void;

/** What becomes of a stream by what it says, by its time being over (`overdue`), and by its end that nobody meant (`lost`). */
export const table: Record<Stream['state'], Record<Sign | 'overdue' | 'lost', Cell>> = {
  connecting: { hello: opened, version: keep, heartbeat: keep, goodbye: keep, overdue: missed, lost: broken },
  open: { hello: keep, version: prove, heartbeat: prove, goodbye: prove, overdue: missed, lost: broken },
  proven: { hello: watch, version: watch, heartbeat: watch, goodbye: watch, overdue: silent, lost: worn },
};

function keep(): void {}

function opened(t: Turn, stream: Stream): void {
  stream.state = 'open';
  stream.helloAt = t.time;
  stream.due = t.time + Ms.ProofTo;
}

function prove(t: Turn, stream: Stream): void {
  const age = t.time - stream.helloAt!;
  if (age < Ms.ProofFrom || age > Ms.ProofTo) return;
  stream.state = 'proven';
  if (stream === t.fresh) drop(t, t.held); // the old one goes when the new one has shown what it can
  t.provenAt = t.time;
  endGrace(t);
  t.mutes = 0;
  watch(t, stream);
}

/** Timestamps decide, not ticks. */
function watch(_: Turn, stream: Stream): void {
  stream.due = stream.lastAt! + 2 * stream.heartbeat;
  stream.drained = false;
}

/** After a sleep, events may be waiting to be heard: they get a moment first. */
function silent(t: Turn, stream: Stream): void {
  if (t.time - stream.due <= Ms.Late || stream.drained) return worn(t, stream);
  stream.due = t.time + Ms.Drain;
  stream.drained = true;
}

/** It said no hello in time, or nothing after it. A page that was asleep cannot tell. */
function missed(t: Turn, stream: Stream): void {
  if (t.time - stream.due > Ms.Late) return broken(t, stream);
  if (drop(t, stream)) return;
  if (!t.held) t.push = 'unknown';
  wait(t, between(t, 5000, 15_000), Step.Ask, 'mute');
  t.mute = true;
}

function worn(t: Turn, stream: Stream): void {
  if (t.time - t.provenAt < Ms.Stable) return broken(t, stream);
  t.losses = 0;
  if (drop(t, stream)) return;
  t.losses = 1;
  t.mute = false;
  if (!t.held) t.push = 'unknown';
  wait(t, between(t, Link.Shortest, Math.max(Link.FirstLoss, t.spread)), Step.Ask, 'lost');
}

function broken(t: Turn, stream: Stream): void {
  if (drop(t, stream)) return;
  if (!t.held) t.push = 'unknown';
  failed(t, 'lost', Step.Ask);
}

/** What its events bring besides. */
const content: Record<Sign, (t: Turn, message: Message, stream: Stream) => void> = {
  hello(t, message) {
    t.retold = false;
    t.reason = 'proving';
    t.spread = message.spread_ms;
    announce(t, greet(t.ledger, message));
    // A fleet that logged in together need not renew together.
    const left = message.token_expires_in_s! * 1000;
    if (!t.tokens || t.armed || !(left >= 0)) return;
    t.armed = true;
    t.at.renewal = t.time + Math.max(left * between(t, 0.7, 0.9), Ms.SoonestRenewal);
  },

  version(t, message) {
    t.spread = message.spread_ms;
    const own = message.writer && message.writer === t.writer;
    // A poll in flight may bring the same.
    const [e, taken] = advance(t.ledger, message, !t.flight && (own || (message.data != null && t.applies)));
    if (!e) return;
    announce(t, [e], [e]);
    if (taken && !own) t.effects.push({ kind: Deed.Apply, message });
  },

  heartbeat: keep,

  goodbye(t, { reason, after_ms, spread_ms }, stream) {
    if (reason === 'off') t.push = reason;
    if (reason === 'off' || reason === 'revoked') {
      return halt(t, reason === 'off' ? reason : 'denied', Step.Ask, after_ms + t.draw() * Math.max(spread_ms, Link.FirstLoss));
    }
    const ms = after_ms + t.draw() * spread_ms;
    const counted = stream.state === 'proven';
    if (counted) {
      t.grace = stream.poll;
      t.at.grace = t.time + Math.max(Ms.Grace, ms + Ms.GraceMore);
    }
    if (drop(t, stream)) return;
    // A gateway that sends everybody away at once must not be asked again at once.
    const least = counted ? Link.Shortest : between(t, 1000, 2000);
    const next = reason === 'expired' && t.tokens ? Step.Authorize : Step.Open;
    wait(t, Math.max(ms, least), next, reason === 'overload' ? 'busy' : 'goodbye', Rest.Asked);
  },
};

/** The open one of that number. */
function find(t: Turn, id: number): Stream | undefined {
  return [t.held, t.fresh].find((stream) => stream?.id === id);
}

export function heard(t: Turn, { sign, id, message }: Of<Kind.Said>): void {
  const stream = find(t, id);
  if (!stream) return;
  t.stats.events++;
  t.lastEventAt = stream.lastAt = t.time;
  stream.poll = message.poll_ms ?? stream.poll;
  stream.heartbeat = message.heartbeat_ms ?? stream.heartbeat;
  follow(t, message);
  table[stream.state][sign](t, stream);
  content[sign](t, message, stream);
}

export function lost(t: Turn, { id }: Of<Kind.Lost>): void {
  const stream = find(t, id);
  if (stream) table[stream.state].lost(t, stream);
}

/** Does what is due of all this. */
export function tickStreams(t: Turn): void {
  for (const stream of [t.fresh, t.held]) if (stream && stream.due <= t.time) table[stream.state].overdue(t, stream);
}

/** The token that streams opened with ends soon. */
export function renewToken(t: Turn): void {
  t.armed = false;
  if (t.held) authorize(t);
}
