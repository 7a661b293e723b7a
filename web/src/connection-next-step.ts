import type { Core } from './env.js';
import { createTimer } from './timer.js';
import type { Reason } from './types.js';

/** A question without an answer for this long has failed. */
const PATIENCE = 15_000;

/** Why nothing is tried at the moment. Only a wait of our own choice may be cut short. */
export const enum Wait {
  Own,
  Asked, // the gateway said when to come back
  Refused, // no stream is to be had for now
  Away, // the page is not there, or does not want one
}

export type NextStep = ReturnType<typeof createNextStep>;

/**
 * What comes next: one step is waited for, or one question is asked, at any time. A new one takes the place of the old, and is
 * told to `another` before.
 */
export function createNextStep(env: Core, another: () => void) {
  let then = () => {};
  const due = createTimer(env, () => then());
  let question: AbortController | undefined;
  let stopped = false;

  /** Nobody waits for its answer any more: it would keep a connection, or bring the cookie of a user who has left. */
  function cancel() {
    const life = question;
    question = undefined;
    if (life) env.after(() => life.abort());
  }

  function set(ms: number, step: () => void) {
    cancel();
    then = step;
    due.set(env.now() + ms);
  }

  const next = {
    /** Why nothing else is tried. */
    waits: Wait.Away as Wait,
    /** What the page is told of it. */
    reason: 'starting' as Reason,
    /** When it is due; Infinity if it is not. */
    at: () => due.at,
    asking: () => !!question,
    wait(ms: number, step: () => void, why: Reason, kind: Wait = Wait.Own) {
      if (stopped) return;
      another();
      next.waits = kind;
      next.reason = why;
      set(ms, step);
    },
    /** Nothing comes by itself. */
    rest: (why: Reason, kind?: Wait) => next.wait(Infinity, () => {}, why, kind),
    /** No answer in time is a failure: then comes `otherwise`. */
    ask<T>(send: (signal: AbortSignal) => Promise<T>, answer: (got: T) => void, otherwise: () => void) {
      if (stopped) return;
      another();
      set(PATIENCE, otherwise);
      const life = (question = new AbortController());
      const answered = (act: () => void) =>
        env.enter(() => {
          if (life === question) set(Infinity, act), env.guarded(act, otherwise);
        });
      send(life.signal).then((got) => answered(() => answer(got)), () => answered(otherwise));
    },
    /** Nothing comes any more, and nothing can be set. */
    stop() {
      stopped = true;
    },
    stopped: () => stopped,
  };
  return next;
}
