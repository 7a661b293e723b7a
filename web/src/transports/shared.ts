import type { Transport } from '../types.js';
import { eventSource } from './eventsource.js';
import { guard } from './guard.js';
import type { TabsEnv } from './shared-env.js';
import { shareStreams } from './shared-tab.js';

export interface TabsOptions {
  /**
   * Whose news it is: tabs share streams only if it is equal. The id of the user, together with all else that what they may
   * see depends on. It is not a secret, and not the token, which changes.
   */
  readonly scope: string;
  /** How streams are opened. Default: the browser's EventSource. */
  readonly transport?: Transport;
  /** @internal Takes the place of the window, for tests. */
  readonly env?: TabsEnv;
}

/**
 * One stream for all tabs of a user: `createNudge({ transport: tabs({ scope: user.id }), … })`. One tab has the stream, and
 * the others hear what it says; when that one closes, sleeps or is left, another goes on within a second. Each tab polls by
 * itself as before. Whatever goes wrong, a tab has a stream of its own. It needs Web Locks, and so HTTPS: elsewhere each tab
 * has a stream of its own.
 */
export function tabs(options: TabsOptions): Transport {
  const { scope, env = globalThis as any } = options;
  const transport = guard(options.transport ?? eventSource());
  const shared = new Map<string, Transport>();

  const open: Transport = (request, on) => {
    if (!env.document) return transport(request, on);
    // Whoever changes what tabs say to each other changes the number.
    const name = `nudge:tabs:2:${request.gateway}:${scope}`;
    if (!shared.has(name)) shared.set(name, shareStreams(env, name, transport, () => shared.delete(name)));
    return shared.get(name)!(request, on);
  };
  return Object.assign(open, { bearer: transport.bearer });
}
