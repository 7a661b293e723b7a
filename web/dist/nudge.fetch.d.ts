import type { Transport } from './nudge.js';
export interface FetchOptions {
    /** Takes the place of the browser's. */
    readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}
/**
 * Streams over fetch, with the token of `getToken` in the header of each request and no cookie: for a gateway on another site,
 * whose cookies browsers keep away. `createNudge({ transport: fetchStream(), getToken, … })`; the gateway must name the page's
 * origin in `cors.origins`. It also works where there is no EventSource, as in workers.
 */
export declare function fetchStream({ fetch }?: FetchOptions): Transport;
