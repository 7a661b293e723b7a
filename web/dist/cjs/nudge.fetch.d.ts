import type { Transport } from './nudge.js';
export interface FetchOptions {
    /** Takes the place of the browser's. */
    readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}
/**
 * Streams over fetch, with the token of `getToken` in a header of each request, and no cookie of the gateway's: for a gateway on
 * another site, to which browsers send no cookies. `createNudge({ transport: fetchStream(), getToken, … })`. The gateway must have
 * the page's origin in `cors.origins`. It also works where there is no EventSource, as in Node and Deno.
 */
export declare function fetchStream({ fetch }?: FetchOptions): Transport;
