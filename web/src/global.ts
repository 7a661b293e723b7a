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

/** A script element, at the time when it ran. */
type Script = Parameters<typeof startScript>[0];

/** What outlives this run of the script: it runs again whenever a library such as Turbo brings another page with it. */
interface State {
  page?: Nudge | undefined;
  /** The element that started `page`. */
  script?: Script | undefined;
  /** By address, the element of each page that was shown: one that is shown again does not run its script again. */
  readonly visits: Map<string, Script | undefined>;
}

const ours: unique symbol = Symbol.for('nudge.visits') as never;
const before = Object.hasOwn(globalThis, 'Nudge') ? Nudge : undefined; // not an element with that id
const state: State = Object((before as any)?.[ours] ?? { page: before?.page, visits: new Map() });

function show(script: Script | undefined) {
  if (script === state.script) return;
  const page = script && startScript(script, (event) => builtin('dispatchEvent').call(document, event));
  if (script && !page) return;
  state.page?.stop(); // not two loops
  state.page = page;
  state.script = script;
}

/** Turbo shows a page: the first one, the next one, or one that it has kept. */
function shown() {
  const { visits, script } = state;
  // A page that has brought no script has the one of the head, which stays, or none. It may also come later.
  const there = builtin('querySelector').call(document, 'script[data-projects]') ? script : undefined;
  if (!visits.has(address())) visits.set(address(), there);
  show(visits.get(address()));
}

function address(): string {
  return String(globalThis.location?.href).replace(/#.*/, '');
}

if (globalThis.document) {
  const script = builtin('currentScript') as Script | null;
  if (script) {
    show(script);
    if (state.script === script) state.visits.set(address(), script);
  }
  if (!(before as any)?.[ours]) builtin('addEventListener').call(document, 'turbo:load', shown);
}
Object.assign(globalThis, {
  Nudge: {
    createNudge,
    get page() {
      return state.page;
    },
    [ours]: state,
  },
});
