import type { Core } from './env.js';
import { createTimer } from './timer.js';

/** A question without an answer for this long has failed. */
const PATIENCE = 15_000;

/** What comes next: one step is waited for, or one question is asked, at any time. A new one takes the place of the old. */
export function createNextStep(env: Core) {
  let next = () => {};
  const due = createTimer(env, () => next());
  let question: AbortController | undefined;

  /** Nobody waits for its answer any more: it would keep a connection, or bring the cookie of a user who has left. */
  function cancel() {
    const life = question;
    question = undefined;
    if (life) env.after(() => life.abort());
  }

  function wait(ms: number, then: () => void) {
    cancel();
    next = then;
    due.set(env.now() + ms);
  }

  return {
    /** When it is due; Infinity if it is not. */
    at: () => due.at,
    asking: () => !!question,
    wait,
    /** No answer in time is a failure: then comes `otherwise`. */
    ask<T>(send: (signal: AbortSignal) => Promise<T>, then: (answer: T) => void, otherwise: () => void) {
      wait(PATIENCE, otherwise);
      const life = (question = new AbortController());
      const answered = (act: () => void) =>
        env.enter(() => {
          if (life === question) wait(Infinity, act), env.guarded(act, otherwise);
        });
      send(life.signal).then((answer) => answered(() => then(answer)), () => answered(otherwise));
    },
  };
}
