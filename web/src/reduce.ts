// What follows from what happens: all that the shim decides, as one function of data. It has no clock, no chance of its own
// and does nothing; whoever drives it gives both, and does what it says.

import { made, owes, unwatch, watch } from './ledger.js';
import { authorize, begin, halt, leave, renew, replied, steps, token, unanswered, wait } from './link.js';
import { account, cycle, news, pollDue, polled, Ms as Polls, settle, soon, tickPolls, unpolled } from './polls.js';
import { type Effect, type Event, type Kind, type Of, Rest, type State, type Turn } from './state.js';
import { heard, lost, tickStreams, tickTerms } from './stream.js';
import type { PollReason } from './types.js';

/** Hidden for this long, a page may have a stream that died without a word. */
const AWAY = 30_000;
/** Projects that are added one after the other share a new stream. */
const GATHER = 50;

/** What each event does. */
const table: { readonly [K in Kind]: (t: Turn, event: Of<K>) => void } = {
  start(t) {
    cycle(t);
    if (!t.paused) begin(t);
  },
  tick(t) {
    tickStreams(t);
    if (t.stepAt <= t.now) {
      t.stepAt = Infinity;
      steps[t.step](t);
    }
    tickTerms(t);
    tickPolls(t);
  },
  leave: (t) => leave(t, 'hidden'),
  back: (t) => back(t, 'return'),
  online: (t) => back(t, 'online'),
  hidden(t) {
    t.hiddenAt ||= t.now;
  },
  visible(t) {
    const since = t.hiddenAt;
    t.hiddenAt = 0;
    if (since && t.now - since >= AWAY) back(t, 'return');
  },
  pause(t) {
    t.paused = true;
    leave(t, 'paused');
  },
  resume(t) {
    t.paused = false;
    if (t.due < Infinity) back(t, 'return');
  },
  refresh(t) {
    t.wished = true;
  },
  login(t) {
    t.tokens = true;
    t.retold = false;
    if (t.rest !== Rest.Away) authorize(t);
  },
  logout(t) {
    if (t.rest !== Rest.Away) halt(t, 'token', 'authorize');
  },
  hello: heard,
  version: heard,
  heartbeat: heard,
  goodbye: heard,
  lost,
  replied,
  failed: unanswered,
  token,
  polled,
  unpolled,
  made: (t, { project, version, prev }) => made(t.entries, project, version, prev),
  unapplied(t, { project, prev }) {
    const e = t.entries.find(({ id }) => id === project);
    if (!e) return;
    e.have = prev;
    if (owes(t.entries)) news(t);
  },
  watch(t, { projects }) {
    if (watch(t.entries, projects) && t.held && !t.question) wait(t, GATHER, 'open', t.reason);
  },
  unwatch(t, { projects }) {
    t.entries = unwatch(t.entries, projects);
  },
};

function back(t: Turn, why: PollReason): void {
  if (t.paused) return;
  soon(t, why);
  renew(t);
}

/** The state after `event`, and what is to be done. `random` is uniform in [0, 1); `now` never goes back. */
export function reduce(state: State, event: Event, now: number, random: () => number): [State, Effect[]] {
  const { entries, held, fresh } = state;
  const t: Turn = {
    ...state,
    entries: entries.map((e) => ({ ...e })),
    held: held && { ...held },
    fresh: fresh && { ...fresh },
    now,
    random,
    effects: [],
  };
  account(t, state.now);
  (table[event.kind] as (t: Turn, event: Event) => void)(t, event);
  settle(t);
  if (!owes(t.entries)) {
    if (t.behindAt) t.lagMs = now - t.behindAt;
    t.behindAt = 0;
  } else t.behindAt ||= now;
  const { random: _, effects, ...next } = t;
  return [next, effects];
}

/** When the page is to get its next `tick`; Infinity: not unless something happens. */
export function due(state: State): number {
  const { held, fresh, stepAt, graceEnd, renewal, audit, flight, flightAt, pressure } = state;
  return Math.min(
    ...[held, fresh].map((stream) => stream?.due ?? Infinity),
    stepAt,
    graceEnd,
    renewal,
    audit,
    flight ? Math.min(flightAt + Polls.Patience, pressure) : pollDue(state),
  );
}

