import { unstable_serialize as serialize } from 'swr';
import { useEffect } from 'react';
import type { Nudge, Options, PollContext, PollResult } from '../nudge.js';
import { has, lease, RECENT, value } from './lease.js';

/** What useSWRConfig gives, or `{ cache, mutate }` of the global cache. */
export interface SWR {
  readonly cache: { get(key: string): { readonly error?: unknown; readonly isValidating?: boolean } | undefined };
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

/** The headers of an answer, by its data. */
const answers = new WeakMap<object, Headers>();

/**
 * A value for the SWRConfig around the components with nudged keys. With options instead of an instance, one is created when
 * the first key is used. Make it once, outside of components.
 */
export function nudgeConfig(nudge: Nudge | Options = {}): {} {
  const [every] = lease(nudge);
  const loops = new Map<string, { uses: number; end(): void }>();
  return {
    nudge: {
      /** When each key was last fetched, and the headers of the answer. */
      fetched: {},
      /** Polls for one more component. Those that ask for the same share it. */
      poll(name: string, ...poll: Parameters<Nudge['every']>) {
        const loop = loops.get(name) ?? { uses: 0, end: every(...poll) };
        loop.uses++;
        loops.set(name, loop);
        return () => {
          if (--loop.uses) return;
          loops.delete(name);
          loop.end();
        };
      },
    },
  };
}

/**
 * The options of a useSWR, in the place of `refreshInterval`. The key is polled at its own pace, rarely while push is proven,
 * and at once for news of its projects. Outside of a `nudgeConfig`, SWR polls it as before.
 */
export function nudged<Data = any>(projects: Projects, { every, versions }: Pace<Data>) {
  const middleware = (useNext: any) => (key: any, fetcher: any, config: any) => {
    const { nudge, cache, mutate } = config;
    const id = serialize(key);
    const keep = async (...args: unknown[]) => {
      const data = await fetcher(...args);
      nudge.fetched[id] = { at: Date.now(), headers: answers.get(data) };
      return data;
    };
    const swr = useNext(key, nudge && fetcher ? keep : fetcher, { ...config, refreshInterval: nudge ? 0 : every });
    const ms = typeof every === 'function' ? every(swr.data) : every;
    const name = nudge && id && ms > 0 && [id, ms, projects].join();

    async function poll({ reason, projects }: PollContext): Promise<PollResult> {
      const state = () => cache.get(id) ?? {};
      const told = () => versions?.(state().data);
      const { error } = state();
      const idle = reason === 'interval';
      if (idle || reason === 'retry') {
        if (!config.refreshWhenOffline && !config.isOnline()) throw new Error('offline');
        if (error && value(config.shouldRetryOnError, error)) return {}; // SWR tries again by itself
      }
      // SWR does not poll while nobody looks.
      const away = idle && !config.refreshWhenHidden && !config.isVisible();
      const at = nudge.fetched[id]?.at;
      // When the page is back, SWR has just fetched.
      const back = (reason === 'return' || reason === 'online') && Date.now() - at < RECENT;
      if (!away && !back && !has(told(), projects)) {
        await mutate(id); // a request of its own: what is in flight may have left before the news
        // SWR keeps the error to itself.
        if (state().error) throw state().error;
      }
      return { versions: told(), headers: nudge.fetched[id]?.headers };
    }

    useEffect(() => (name ? nudge.poll(name, ms, poll, { projects }) : undefined), [nudge, cache, name]);
    return swr;
  };
  return { use: [middleware] };
}

/** A fetcher out of a request: reads the JSON of its answer, throws the Response of an error, and keeps the headers for the shim. */
export function json<Data = any, Args extends any[] = any[]>(request: (...args: Args) => Promise<Response>): (...args: Args) => Promise<Data> {
  return async (...args) => {
    const response = await request(...args);
    if (!response.ok) throw response;
    const data = await response.json();
    answers.set(Object(data), response.headers);
    return data;
  };
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
