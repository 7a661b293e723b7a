import { unstable_serialize as serialize } from 'swr';
import type { PollContext, PollResult } from '../nudge.js';

/** What useSWRConfig gives, or `{ cache, mutate }` of the global cache. */
export interface SWR {
  readonly cache: { get(key: string): { readonly error?: unknown; readonly isValidating?: boolean } | undefined };
  mutate(key: any): Promise<unknown>;
}

/**
 * A `poll` for createNudge: fetches these keys again, as far as components use them. Leave `refreshInterval` at 0, for Nudge
 * keeps the time, and SWR's own stops at the first error; and set `shouldRetryOnError: false`, for Nudge tries again by itself.
 *
 * `versions` tells which versions the page has then, if the answers say so.
 */
export function pollKeys(
  { cache, mutate }: SWR,
  keys: readonly unknown[],
  versions?: () => PollResult['versions'],
): (context: PollContext) => Promise<PollResult> {
  return async () => {
    await Promise.all(
      keys.map(async (key) => {
        const state = () => cache.get(serialize(key as any));
        const done = mutate(key); // a request of its own: what is in flight may have left before the news
        const asked = state()?.isValidating;
        await done;
        // SWR keeps the error to itself. That of a key which nobody uses is an old one.
        const error = asked && state()?.error;
        if (error) throw error;
      }),
    );
    return { versions: versions?.() };
  };
}
