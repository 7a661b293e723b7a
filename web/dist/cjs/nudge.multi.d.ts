import type { Transport } from './nudge.js';
/** What it needs of a window. */
export interface MultiEnv {
    readonly Date: {
        now(): number;
    };
    readonly Math: {
        random(): number;
    };
    setTimeout(ring: () => void, ms: number): unknown;
    clearTimeout(id: any): void;
}
/**
 * For a page with more projects than one stream takes, which are 64: `createNudge({ transport: multi(tabs({ scope })), … })`.
 * It opens as many streams as necessary, and the page hears them as one: proven when all are, lost when one is. If a gateway
 * refuses one, the others go on without it until it can be opened. Over HTTP/1.1 a browser has six connections to a host, so
 * serve the gateway over HTTP/2.
 */
export declare function multi(own?: Transport, env?: MultiEnv): Transport;
