import type { Transport } from './nudge.js';
export interface TabsOptions {
    /**
     * Tabs share streams only if their scopes are equal. Use the id of the user, together with everything else that decides what
     * the user may see. It is not a secret, and not the token, which changes.
     */
    readonly scope: string;
    /** How streams are opened. Default: the browser's EventSource. */
    readonly transport?: Transport;
}
/**
 * One stream for all tabs of a user: `createNudge({ transport: tabs({ scope: user.id }), … })`. One tab leads: it has the
 * stream, and passes its events on. If the leader is closed, left or hidden, another tab leads within a second. Each tab polls
 * by itself as before. If sharing does not work, for whatever reason, each tab has a stream of its own. Sharing needs Web
 * Locks, and so HTTPS.
 */
export declare function tabs(options: TabsOptions): Transport;
