import type { Nudge, Options, PollContext, PollResult } from './nudge.js';
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
/** The project that a key shows, or several. */
export type Projects = string | number | readonly (string | number)[];
/** How a key is polled. */
export interface Pace<Data = any> {
    /** What `refreshInterval` was: milliseconds, 0 for never, or a function that gives them. */
    readonly every: number | ((data: Data | undefined) => number);
    /** The versions that data has, if it tells. */
    versions?(data: Data): PollResult['versions'];
}
/**
 * A value for the SWRConfig around the components with nudged keys. With options instead of an instance, one is created when
 * the first key is used. Make it once, outside of components.
 */
export declare function nudgeConfig(nudge?: Nudge | Options): {};
/**
 * The options of a useSWR, in the place of `refreshInterval`. The key is polled at its own pace, rarely while push is proven,
 * and at once for news of its projects. Outside of a `nudgeConfig`, SWR polls it as before.
 */
export declare function nudged<Data = any>(projects: Projects, { every, versions }: Pace<Data>): {
    use: ((useNext: any) => (key: any, fetcher: any, config: any) => any)[];
};
/** A fetcher out of a request: reads the JSON of its answer, throws the Response of an error, and keeps the headers for the shim. */
export declare function json<Data = any, Args extends any[] = any[]>(request: (...args: Args) => Promise<Response>): (...args: Args) => Promise<Data>;
/**
 * A `poll` for createNudge: fetches these keys again, as far as components use them. Leave `refreshInterval` at 0, for Nudge
 * keeps the time, and SWR's own stops at the first error; and set `shouldRetryOnError: false`, for Nudge tries again by itself.
 *
 * `versions` tells which versions the page has then, if the answers say so.
 */
export declare function pollKeys({ cache, mutate }: SWR, keys: readonly unknown[], versions?: () => PollResult['versions']): (context: PollContext) => Promise<PollResult>;
