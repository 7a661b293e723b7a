import type { Listens, Transport } from './nudge.js';
export interface TabsOptions {
    /**
     * Whose news it is: tabs share streams only if it is equal. The id of the user, together with all else that what they may
     * see depends on. It is not a secret, and not the token, which changes.
     */
    readonly scope: string;
    /** How streams are opened. Default: the browser's EventSource. */
    readonly transport?: Transport;
    /** Takes the place of the window, for tests. */
    readonly env?: TabsEnv;
}
/** All that sharing needs of a window. Without locks or channel each tab has a stream of its own. */
export interface TabsEnv extends Listens {
    readonly Date: {
        now(): number;
    };
    setTimeout(ring: () => void, ms: number): unknown;
    clearTimeout(id: any): void;
    readonly navigator?: {
        readonly locks?: {
            request(name: string, options: {
                signal: AbortSignal;
            }, work: () => Promise<void>): Promise<unknown>;
        };
    };
    readonly BroadcastChannel?: new (name: string) => TabsChannel;
    readonly document?: Listens & {
        readonly visibilityState: string;
    };
}
export interface TabsChannel {
    onmessage: ((event: any) => void) | null;
    postMessage(note: unknown): void;
    close(): void;
}
/**
 * One stream for all tabs of a user: `createNudge({ transport: tabs({ scope: user.id }), … })`. One tab has the stream, and
 * the others hear what it says; when that one closes, sleeps or is left, another goes on within a second. Each tab polls by
 * itself as before. Whatever goes wrong, a tab has a stream of its own. It needs Web Locks, and so HTTPS: elsewhere each tab
 * has a stream of its own, and lets go of it while it is hidden, with a goodbye whose reason is `hidden`.
 */
export declare function tabs({ scope, transport, env }: TabsOptions): Transport;
