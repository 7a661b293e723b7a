import type { Core } from './env.js';
import { createTimer } from './timer.js';

/** A hidden page lets its stream go after this long: over HTTP/1.1 six of them leave no connection for anything else. */
const HIDDEN = 60_000;

/** Whether a page has been hidden for so long that it does without a stream. `letGo` is called when that begins. */
export function createHidden(env: Core, letGo: () => void) {
  let long = false;
  const due = createTimer(env, () => {
    long = true;
    letGo();
  });

  function show() {
    due.set(Infinity);
    long = false;
  }

  return {
    long: () => long,
    hide() {
      if (due.at === Infinity) due.set(env.now() + HIDDEN);
    },
    /** It is shown, or it ends. */
    show,
  };
}
