import type { Nudge, Options, PollContext, PollResult } from './nudge.js';
/** The part of a QueryClient in use, so that every framework's will do. */
export interface QueryClient {
    isFetching(filters?: any): number;
    refetchQueries(filters?: any, options?: any): Promise<void>;
    invalidateQueries(filters?: any, options?: any): Promise<void>;
    getQueryCache(): {
        findAll(filters?: any): readonly unknown[];
        subscribe(listener: (event: any) => void): () => void;
    };
}
/** How a query is polled. */
export interface Pace<Data = any> {
    /** What `refetchInterval` was: milliseconds, or a function that gives them, and false when there is nothing more to poll for. */
    readonly every: number | false | ((query: any) => number | false | undefined);
    /** The versions that data has, if it tells: then no request is made for news of what is there already. */
    versions?(data: Data): PollResult['versions'];
}
/** The project that a query shows, or several. */
export type Projects = string | number | readonly (string | number)[];
/**
 * To be spread into the options of a query, in the place of `refetchInterval`. The query is polled at its own pace, rarely while
 * push is proven, and at once for news of its projects. Without `nudgeClient`, TanStack polls it as before.
 */
export declare function nudged<Data = any>(projects: Projects, pace: Pace<Data>): {
    refetchInterval: ((query: any) => number | false | undefined) & {
        nudged: {
            every: number | false | ((query: any) => number | false | undefined);
            /** The versions that data has, if it tells: then no request is made for news of what is there already. */
            versions?(data: Data): PollResult['versions'];
            projects: Projects;
        };
    };
};
/**
 * Polls the nudged queries of this client while components use them, each once. With options instead of an instance, one is
 * created when the first query is used, and stopped by the undo, which this returns.
 */
export declare function nudgeClient(client: QueryClient, nudge?: Nudge | Options): () => void;
/**
 * A queryFn out of a request: reads the JSON of its answer, throws the Response of an error, and lets the shim read when the
 * application wants to be asked again.
 */
export declare function json<Data = any>(request: (context: any) => Promise<Response>): (context: any) => Promise<Data>;
/** Which queries a poll is for: as everywhere in TanStack Query. */
export interface QueryFilters {
    readonly queryKey?: readonly unknown[];
    readonly exact?: boolean;
    predicate?(one: any): boolean;
}
/**
 * A `poll` for createNudge: fetches the queries that are in use, and marks the others as stale. Leave `refetchInterval` out,
 * for Nudge keeps the time; and set `retry: false`, for it tries again by itself.
 *
 * `versions` tells which versions the page has then, if the answers say so.
 */
export declare function pollQueries(client: QueryClient, filters: QueryFilters, versions?: () => PollResult['versions']): (context: PollContext) => Promise<PollResult>;
