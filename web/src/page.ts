import type { Env, Listens } from './types.js';

/** What happens to a page that matters here. */
export type Visit = 'start' | 'leave' | 'back' | 'online' | 'hidden' | 'visible';

/** Tells of the page's life until the signal. Where there is no page it starts and never ends. */
export function watchPage({ window, document }: Env, signal: AbortSignal, tell: (visit: Visit) => void): void {
  function on(target: Listens | undefined, type: string, act: (event: any) => void) {
    target?.addEventListener(type, act, { signal });
  }

  const look = () => tell(document?.visibilityState === 'hidden' ? 'hidden' : 'visible');

  function begin() {
    on(document, 'visibilitychange', look);
    // A page that is frozen hears nothing; what it holds others may need.
    on(document, 'freeze', () => tell('leave'));
    on(document, 'resume', () => tell('back'));
    on(window, 'pagehide', () => tell('leave'));
    on(window, 'pageshow', (event) => event.persisted && tell('back'));
    on(window, 'online', () => tell('online'));
    look();
    tell('start');
  }

  if (document?.prerendering) on(document, 'prerenderingchange', begin);
  else begin();
}
