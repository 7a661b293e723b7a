import type { Clock } from './clock.js';
import type { Env, Listens } from './types.js';

/** Hidden for this long, a page may have a stream that died without a word. */
const AWAY = 30_000;

/** What happens to the page that matters here. */
export interface Visit {
  /** It is there: at once, or when its prerendering ends. */
  begin(): void;
  leave(): void;
  /** It is back, from the back/forward cache or from having been hidden for long. */
  back(): void;
  online(): void;
}

/** Tells of the page's life until the signal. Where there is no page it begins and never ends. */
export function watchPage({ now, window, document }: Env, clock: Clock, signal: AbortSignal, visit: Visit): void {
  let hiddenAt = 0; // 0 while it is visible

  function on(target: Listens | undefined, type: string, act: (event: any) => void) {
    target?.addEventListener(type, clock.turn(act), { signal });
  }

  function look() {
    const since = hiddenAt;
    hiddenAt = document?.visibilityState === 'hidden' ? since || now() : 0;
    if (since && !hiddenAt && now() - since >= AWAY) visit.back();
  }

  function begin() {
    on(document, 'visibilitychange', look);
    on(window, 'pagehide', visit.leave);
    on(window, 'pageshow', (event) => event.persisted && visit.back());
    on(window, 'online', visit.online);
    look();
    visit.begin();
  }

  if (document?.prerendering) on(document, 'prerenderingchange', begin);
  else begin();
}
