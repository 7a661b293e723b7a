import { builtin } from './dom-clobbering.js';
import type { Env } from './types.js';

/** The environment of the parts of the shim. */
export interface Core extends Env {
  /** Whatever happens begins here: an error in it is reported, and the page is told once when all of it is done. */
  enter(act: () => void): void;
  /** Does it. An error in it is reported, and then `otherwise` is done. */
  guarded(act: () => void, otherwise?: () => void): void;
  /** Does it when all that happens now is done: for functions of the application, which may call in. */
  after(act: () => void): void;
}

/** The browser as environment. Globals are looked up at every call, so that test frameworks may replace them. */
export function browser(): Env {
  const world = globalThis as any;
  let last = 0;
  let lead = 0;
  return {
    // A clock set back would postpone every due time by as much; here time then merely stands still for a moment.
    now() {
      const wall = Date.now();
      lead = Math.max(lead, last - wall);
      return (last = wall + lead);
    },
    random: () => Math.random(),
    setTimeout: (ring, ms) => setTimeout(ring, ms),
    clearTimeout: (id) => clearTimeout(id as number),
    fetch: (url, init) => fetch(url, init),
    EventSource: world.EventSource,
    origin: world.location?.origin ?? '',
    window: world.addEventListener && world,
    document: world.document && {
      addEventListener: (...listener) => builtin('addEventListener').apply(document, listener),
      get visibilityState() {
        return builtin('visibilityState');
      },
      get prerendering() {
        return builtin('prerendering' as 'hidden');
      },
    },
    page: !!world.document || /^(Dedicated|Shared)Worker/.test(world.constructor?.name) || world.navigator?.product === 'ReactNative',
    saveData: !!world.navigator?.connection?.saveData,
    report: (error) => world.reportError?.(error),
    warn: (text) => console.warn(text),
  };
}
