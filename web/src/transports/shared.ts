import type { Transport } from '../types.js';
import { eventSource } from './eventsource.js';
import { guard } from './guard.js';
import type { TabsEnv } from './shared-env.js';
import { shareStreams } from './shared-tab.js';

export interface TabsOptions {
  /**
   * Tabs share streams only if their scopes are equal. Use the id of the user, together with everything else that decides what
   * the user may see. It is not a secret, and not the token, which changes.
   */
  readonly scope: string;
  /** How streams are opened. Default: the browser's EventSource. */
  readonly transport?: Transport;
  /** @internal Takes the place of the window, for tests. */
  readonly env?: TabsEnv;
}

/**
 * One stream for all tabs of a user: `createNudge({ transport: tabs({ scope: user.id }), … })`. One tab leads: it has the
 * stream, and passes its events on. If the leader is closed, left or hidden, another tab leads within a second. Each tab polls
 * by itself as before. If sharing does not work, for whatever reason, each tab has a stream of its own. Sharing needs Web
 * Locks, and so HTTPS.
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
