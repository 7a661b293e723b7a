import type { PollContext, PollResult } from '../nudge.js';

/** The part of a QueryClient in use, so that every framework's will do. */
export interface QueryClient {
  isFetching(filters?: any): number;
  refetchQueries(filters?: any, options?: any): Promise<void>;
  invalidateQueries(filters?: any, options?: any): Promise<void>;
  getQueryCache(): { findAll(filters?: any): readonly unknown[] };
}

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
export function pollQueries(
  client: QueryClient,
  filters: QueryFilters,
  versions?: () => PollResult['versions'],
): (context: PollContext) => Promise<PollResult> {
  return async () => {
    // By default every call would abort the fetch in flight and start again. But to join one is not enough: it may have left
    // before the news.
    if (client.isFetching(filters)) await client.refetchQueries({ ...filters, fetchStatus: 'fetching' }, { cancelRefetch: false });
    await client.invalidateQueries(filters, { cancelRefetch: false, throwOnError: true });
    // Offline, a fetch waits, and its promise does not.
    if (client.getQueryCache().findAll({ ...filters, type: 'active', fetchStatus: 'paused' }).length) throw new Error('offline');
    return { versions: versions?.() };
  };
}
