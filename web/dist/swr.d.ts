import type { PollContext, PollResult } from './nudge.js';
/** What useSWRConfig gives, or `{ cache, mutate }` of the global cache. */
export interface SWR {
    readonly cache: {
        get(key: string): {
            readonly error?: unknown;
            readonly isValidating?: boolean;
        } | undefined;
    };
    mutate(key: any): Promise<unknown>;
}
/**
 * A `poll` for createNudge: fetches these keys again, as far as components use them. Leave `refreshInterval` at 0, for Nudge
 * keeps the time, and SWR's own stops at the first error; and set `shouldRetryOnError: false`, for Nudge tries again by itself.
 *
 * `versions` tells which versions the page has then, if the answers say so.
 */
export declare function pollKeys({ cache, mutate }: SWR, keys: readonly unknown[], versions?: () => PollResult['versions']): (context: PollContext) => Promise<PollResult>;
