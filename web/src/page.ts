import { Kind, type Visit } from './state.js';
import type { Env, Listens } from './types.js';

/** Tells of the page's life until the signal. Where there is no page it starts and never ends. */
export function watchPage(env: Env, signal: AbortSignal, tell: (visit: Visit) => void): void {
  function on(target: Listens | undefined, type: string, act: (event: any) => void) {
    target?.addEventListener(type, act, { signal });
  }

  const look = () => tell(env.document?.visibilityState === 'hidden' ? Kind.Hidden : Kind.Visible);

  function begin() {
    on(env.document, 'visibilitychange', look);
    // A page that is frozen hears nothing; what it holds others may need.
    on(env.document, 'freeze', () => tell(Kind.Leave));
    on(env.document, 'resume', () => tell(Kind.Back));
    on(env.window, 'pagehide', () => tell(Kind.Leave));
    on(env.window, 'pageshow', (event) => event.persisted && tell(Kind.Back));
    on(env.window, 'online', () => tell(Kind.Online));
    look();
    tell(Kind.Start);
  }

  if (env.document?.prerendering) on(env.document, 'prerenderingchange', begin);
  else begin();
}
