import type { Transport } from './nudge.js';
export interface TabsOptions {
    /**
     * Whose news it is: tabs share streams only if it is equal. The id of the user, together with all else that what they may
     * see depends on. It is not a secret, and not the token, which changes.
     */
    readonly scope: string;
    /** How streams are opened. Default: the browser's EventSource. */
    readonly transport?: Transport;
}
/**
 * One stream for all tabs of a user: `createNudge({ transport: tabs({ scope: user.id }), … })`. One tab has the stream, and
 * the others hear what it says; when that one closes, sleeps or is left, another goes on within a second. Each tab polls by
 * itself as before. Whatever goes wrong, a tab has a stream of its own. It needs Web Locks, and so HTTPS: elsewhere each tab
 * has a stream of its own.
 */
export declare function tabs(options: TabsOptions): Transport;
