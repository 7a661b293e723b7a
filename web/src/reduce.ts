// What follows from what happens: all that the shim decides, as one function of data. It has no clock, no chance of its own
// and does nothing; whoever drives it gives both, and does what it says.

import { find, made, owes, unwatch, watch } from './ledger.js';
import { begin, endGrace, halt, leave, renew, replied, steps, token, unanswered, wait } from './link.js';
import { account, announce, cycle, giveUp, judge, poll, pollDue, polled, press, settle, soon, unpolled } from './polls.js';
import { Deed, type Effect, type Event, Kind, type Of, Rest, type State, Step, type Timer, type Turn } from './state.js';
import { heard, lost, renewToken, tickStreams } from './stream.js';
import type { PollReason } from './types.js';

const enum Ms {
  /** Hidden for this long, a page may have a stream that died without a word. */
  Away = 30_000,
  /** Projects that are added one after the other share a new stream. */
  Gather = 50,
}

/** What each timer does, in this order. */
const rings: { readonly [T in Timer]: (t: Turn) => void } = {
  step: (t) => steps[t.step](t),
  grace: endGrace,
  renewal: renewToken,
  audit: judge,
  pressure: press,
  patience: giveUp,
};

/** What each event does. */
const table: { readonly [K in Kind]: (t: Turn, event: Of<K>) => void } = {
  [Kind.Start](t) {
    cycle(t);
    if (!t.idle) begin(t);
  },
  [Kind.Tick](t) {
    tickStreams(t);
    const { flight } = t;
    for (const [timer, ring] of Object.entries(rings) as [Timer, (t: Turn) => void][]) {
      if (t.at[timer]! <= t.time) {
        t.at[timer] = Infinity;
        ring(t);
      }
    }
    if (flight) return;
    settle(t);
    if (pollDue(t) <= t.time) poll(t);
  },
  [Kind.Leave]: (t) => leave(t, 'hidden'),
  [Kind.Back]: (t) => back(t, 'return'),
  [Kind.Online]: (t) => back(t, 'online'),
  [Kind.Hidden](t) {
    t.hiddenAt ||= t.time;
  },
  [Kind.Visible](t) {
    const since = t.hiddenAt;
    t.hiddenAt = 0;
    if (since && t.time - since >= Ms.Away) back(t, 'return');
  },
  [Kind.Pause](t) {
    leave(t, (t.idle = 'paused'));
  },
  [Kind.Resume](t) {
    t.idle = undefined;
    if (t.due < Infinity) back(t, 'return');
  },
  [Kind.Stop](t) {
    leave(t, (t.idle = 'stopped'));
    t.effects.push({ kind: Deed.Abort, id: t.flight });
  },
  [Kind.Refresh](t) {
    t.wished = true;
  },
  [Kind.Login](t) {
    t.tokens = true;
    t.retold = false;
    if (t.rest !== Rest.Away) begin(t);
  },
  [Kind.Logout](t) {
    if (t.rest !== Rest.Away) halt(t, 'token', Step.Authorize);
  },
  [Kind.Said]: heard,
  [Kind.Lost]: lost,
  [Kind.Replied]: replied,
  [Kind.Failed]: unanswered,
  [Kind.Token]: token,
  [Kind.Polled]: polled,
  [Kind.Unpolled]: unpolled,
  [Kind.Made]: (t, event) => made(t.ledger, event),
  [Kind.Unapplied](t, { project, prev }) {
    const e = find(t.ledger, project);
    if (!e) return;
    e.have = prev;
    announce(t, []);
  },
  [Kind.Watch](t, { projects }) {
    const first = !t.ledger.length && t.rest === Rest.Own;
    if (!watch(t.ledger, projects) || t.question || !(t.held || first)) return;
    wait(t, Ms.Gather, t.held ? Step.Open : Step.Begin, t.reason);
  },
  [Kind.Unwatch](t, { projects }) {
    t.ledger = unwatch(t.ledger, projects);
  },
};

function back(t: Turn, why: PollReason): void {
  if (t.idle) return;
  soon(t, why);
  renew(t);
}

/** The state after `event`, and what is to be done. `random` is uniform in [0, 1); `now` never goes back. */
export function reduce(state: State, event: Event, now: number, random: () => number): [State, Effect[]] {
  const t: Turn = {
    ...state,
    ledger: state.ledger.map((e) => ({ ...e })),
    held: state.held && { ...state.held },
    fresh: state.fresh && { ...state.fresh },
    at: { ...state.at },
    stats: { ...state.stats },
    time: now,
    draw: random,
    effects: [],
  };
  account(t, state.time);
  (table[event.kind] as (t: Turn, event: Event) => void)(t, event);
  settle(t);
  if (!owes(t.ledger)) {
    if (t.behindAt) t.stats.lagMs = now - t.behindAt;
    t.behindAt = 0;
  } else t.behindAt ||= now;
  const { draw: _, effects, ...next } = t;
  return [next, effects];
}

/** When the page is to get its next `tick`; Infinity: not unless something happens. */
export function due(state: State): number {
  return Math.min(
    state.held?.due ?? Infinity,
    state.fresh?.due ?? Infinity,
    ...Object.values(state.at),
    state.flight ? Infinity : pollDue(state),
  );
}

