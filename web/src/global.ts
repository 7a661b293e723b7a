import { builtin } from './dom-clobbering.js';
import { createNudge } from './nudge.js';
import { startScript } from './script.js';
import type { Nudge, PollContext, PollResult } from './types.js';

/**
 * Asks the page for a poll: `nudge:poll` on the document, with the context as `detail`. Whoever listens hands the promise of
 * its result to `waitUntil` before it returns; several may, each for its own projects.
 */
export interface PollEvent extends CustomEvent<PollContext> {
  waitUntil(result: Promise<PollResult | undefined | void> | PollResult): void;
}

declare global {
  // var, since it is a property of the window
  var Nudge: {
    readonly createNudge: typeof createNudge;
    /** What the attributes of the script element started, if they did. */
    readonly page: Nudge | undefined;
  };
  interface DocumentEventMap {
    'nudge:poll': PollEvent;
  }
}

const script = globalThis.document && builtin('currentScript');
const before = Object.hasOwn(globalThis, 'Nudge') ? Nudge.page : undefined; // not an element with that id
const page = script ? startScript(script, (event) => builtin('dispatchEvent').call(document, event)) : undefined;
if (page) before?.stop(); // the same script once more, as when Turbo has replaced the body: not two loops
Object.assign(globalThis, { Nudge: { createNudge, page: page ?? before } });
