import type { Nudge, Options, PollContext, PollResult } from '../nudge.js';
import { has, lease, RECENT, value } from './lease.js';

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

/** The queries that Nudge polls. TanStack polls the others itself, at their own pace. */
const polled = new WeakSet<object>();

/** The headers of the last answer, by the key that a query hands to its queryFn. */
const answers = new WeakMap<object, Headers>();

/**
 * To be spread into the options of a query, in the place of `refetchInterval`. The query is polled at its own pace, rarely while
 * push is proven, and at once for news of its projects. Without `nudgeClient`, TanStack polls it as before.
 */
export function nudged<Data = any>(projects: Projects, pace: Pace<Data>) {
  const refetchInterval = (query: any): number | false | undefined => !polled.has(query) && value(pace.every, query);
  return { refetchInterval: Object.assign(refetchInterval, { nudged: { ...pace, projects } }) };
}

/**
 * Polls the nudged queries of this client while components use them, each once. With options instead of an instance, one is
 * created when the first query is used, and stopped by the undo, which this returns.
 */
export function nudgeClient(client: QueryClient, nudge: Nudge | Options = {}): () => void {
  const [every, stop] = lease(nudge);
  const cache = client.getQueryCache();
  const loops = new Map<any, { key: string; busy?: boolean; end(): void }>();

  /** The observer with the shortest interval decides for all: they share the data. */
  function fastest(query: any) {
    let found: { ms: number; tag: Pace & { projects: Projects }; observer: any } | undefined;
    for (const observer of query.observers) {
      const { enabled, refetchInterval } = observer.options;
      const tag = refetchInterval?.nudged;
      const ms = tag && value(enabled, query) !== false && value(tag.every, query);
      if (ms > 0 && !(ms >= found?.ms!)) found = { ms, tag, observer };
    }
    return found;
  }

  function follow(query: any, type?: string, action?: string) {
    polled.add(query);
    const loop = loops.get(query);
    const now = fastest(query);
    const key = now && `${now.ms} ${now.tag.projects}`;
    const { data, status, fetchStatus } = query.state;
    // TanStack is about to make the first fetch, or has begun it.
    const loads = !loop && status === 'pending' && (type === 'observerAdded' || fetchStatus !== 'idle');
    // A fetch of its own that failed is repeated after the query's own interval, which a new loop begins with.
    const failed = loop && !loop.busy && action === 'error';
    if (loads || (loop?.key === key && !failed)) return;
    loop?.end();
    loops.delete(query);
    if (!now) return;
    const projects = (status === 'success' && now.tag.versions?.(data)) || now.tag.projects;
    const next = { key: key!, end: every(now.ms, (context) => poll(query, context), { projects }) };
    loops.set(query, next);
  }

  async function poll(query: any, { reason, projects }: PollContext): Promise<PollResult | void> {
    const loop = loops.get(query)!;
    const now = fastest(query);
    if (!now) return follow(query);
    const { observer, tag } = now;
    const versions = () => tag.versions?.(query.state.data);
    const fetch = async () => {
      loop.busy = true;
      const done = observer.refetch({ cancelRefetch: false, throwOnError: true }); // joins the fetch in flight
      done.catch(() => {}).then(() => (loop.busy = false));
      if (query.state.fetchStatus === 'paused') throw new Error('offline');
      await done;
    };
    const joins = query.state.fetchStatus !== 'idle';
    if (joins) await fetch();
    // What was in flight may have left before the news.
    const due = !joins || reason === 'news' || reason === 'behind';
    // TanStack does not poll while nobody looks.
    const away = reason === 'interval' && !observer.options.refetchIntervalInBackground && globalThis.document?.visibilityState === 'hidden';
    // When the page is back, TanStack has just fetched what is stale.
    const back = (reason === 'return' || reason === 'online') && Date.now() - query.state.dataUpdatedAt < RECENT;
    if (due && !away && !back && !has(versions(), projects)) await fetch();
    return { versions: versions(), headers: answers.get(query.queryKey) };
  }

  cache.findAll().forEach((query) => follow(query));
  const end = cache.subscribe(({ query, type, action }) => follow(query, type, action?.type));
  return () => {
    end();
    loops.forEach((loop) => loop.end());
    cache.findAll().forEach((query: any) => polled.delete(query));
    stop();
  };
}

/**
 * A queryFn out of a request: reads the JSON of its answer, throws the Response of an error, and lets the shim read when the
 * application wants to be asked again.
 */
export function json<Data = any>(request: (context: any) => Promise<Response>): (context: any) => Promise<Data> {
  return async (context) => {
    const response = await request(context);
    if (!response.ok) throw response;
    answers.set(context.queryKey, response.headers);
    return response.json();
  };
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
