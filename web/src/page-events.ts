import type { Core } from './env.js';
import type { Listens } from './types.js';

/** What happens to the page. */
export interface Visits {
  start(): void;
  /** It is left, or frozen, and may come back. */
  leave(): void;
  /** It comes back from the back/forward cache, or is not frozen any more. */
  back(): void;
  online(): void;
  hide(): void;
  show(): void;
}

/** Tells of the page's life until the signal. Where there is no page it starts and never ends. */
export function watchPage(env: Core, signal: AbortSignal, visits: Visits): void {
  function on(target: Listens | undefined, type: string, act: (event: any) => void) {
    env.guarded(() => target?.addEventListener(type, (event) => env.enter(() => act(event)), { signal }));
  }

  const look = () => (env.document?.visibilityState === 'hidden' ? visits.hide() : visits.show());

  function begin() {
    on(env.document, 'visibilitychange', look);
    // A frozen page hears nothing, and other tabs may need what it holds.
    on(env.document, 'freeze', visits.leave);
    on(env.document, 'resume', visits.back);
    on(env.window, 'pagehide', visits.leave);
    on(env.window, 'pageshow', (event) => (event.persisted ? visits.back() : look()));
    on(env.window, 'online', visits.online);
    env.guarded(look);
    visits.start();
  }

  let prerendering: boolean | undefined;
  env.guarded(() => (prerendering = env.document?.prerendering));
  if (prerendering) on(env.document, 'prerenderingchange', begin);
  else env.enter(begin);
}
