// The public API. It wires the connection, which may be wrong in any way, with the polls, whose poll loops never stop.

import { createAnnouncements } from './announced-versions.js';
import { createConnection, type Page } from './connection.js';
import { browser, type Core } from './env.js';
import { eventSource } from './transports/eventsource.js';
import { type FetchOptions, fetchStream } from './transports/fetch.js';
import { createLifetime } from './stream-lifetime.js';
import { heldTransport } from './transports/long-poll.js';
import { createShadow } from './observers/shadow.js';
import { createStats } from './observers/stats.js';
import { type Visits, watchPage } from './page-events.js';
import { createPagePoll, type PagePoll } from './page-poll.js';
import { view } from './snapshot.js';
import type { Env, EveryOptions, Nudge, NudgeEvents, Options, Poll, PollReason, Projects, Snapshot, Transport, Version, Versions } from './types.js';

export type * from './types.js';

/** No interval is longer: not even Infinity, by which a loop would never go on. */
const DAY = 86_400_000;

/** So many different sentences are told to the developer, each once. */
const WARNINGS = 20;

/** A page that was hidden for this long had better poll when it is shown: its stream may have died without a word. */
const AWAY = 30_000;

type Until = { readonly signal?: AbortSignal | undefined } | undefined;

export function createNudge(options: Options, parts?: Partial<Env>): Nudge {
  const { gateway, push: policy, getToken, apply, writer } = options;
  const world: Env = { ...browser(), ...parts };
  const missing = ['EventTarget', 'CustomEvent', 'AbortController'].filter((name) => !(name in globalThis));
  if (missing[0]) throw new Error(`nudge: ${missing.join(', ')} missing here; import a polyfill before nudge`);
  const shadow = policy === 'shadow';
  const target = new EventTarget();
  const listeners = new Set<() => void>();
  const life = new AbortController();
  const pauses = new Set<string>();
  const told = new Set<string>();
  const polls = new Set<PagePoll>();
  const announcements = createAnnouncements();
  let depth = 0;
  let later: (() => void)[] = [];
  let started = false;
  let ended = false;
  let hiddenAt = 0; // since when the page is hidden; 0: it is not
  let snapshot!: Snapshot;
  let text = ''; // of the snapshot, to see whether it changes

  const env: Core = {
    ...world,
    setTimeout(ring, ms) {
      const timer: any = world.setTimeout(() => enter(ring), ms);
      if (!options.server) timer?.unref?.(); // of Node: a test that never stops its page must end all the same
      return timer;
    },
    report: (error) => guarded(() => world.report(error)),
    warn(sentence) {
      if (told.has(sentence) || told.size >= WARNINGS) return;
      told.add(sentence);
      guarded(() => world.warn(`nudge: ${sentence}`));
    },
    enter,
    guarded,
    after: (act) => void later.push(act),
  };

  /** Does what something that happens brings with it, and then tells the page. An error in it stops nothing else. */
  function enter(act: () => void) {
    depth++;
    guarded(act);
    if (depth === 1) for (let next; (next = later.shift()); ) guarded(next);
    depth--;
    if (!depth) guarded(publish);
  }

  function guarded(act: () => void, otherwise?: () => void) {
    try {
      act();
    } catch (error) {
      try {
        world.report(error);
      } catch {
        // There is nobody to tell.
      }
      otherwise?.();
    }
  }

  let root = world.origin;
  let transport: Transport | undefined;
  guarded(() => {
    root = String(gateway ?? root).replace(/\/+$/, '');
  });
  guarded(() => {
    // Read once: whatever the page made of its transport, it can throw only when it is called.
    const open = options.transport ?? (world.EventSource && eventSource(world.EventSource));
    const { bearer, held } = Object(open);
    if (open) transport = Object.assign((...args: Parameters<Transport>) => open(...args), { bearer: !!bearer, held: !!held });
  });

  const page: Page = {
    marks() {
      const all = new Map<string, number>();
      for (const { versions } of polls) for (const [id, version] of Object.entries(versions.marks())) all.set(id, Math.max(all.get(id) ?? 0, version));
      return Object.fromEntries(all);
    },
    opening: announcements.prune,
    hello(message) {
      const words = announcements.hello(message, (told) => [...polls].some(({ versions }) => versions.lags(told)));
      polls.forEach((poll) => poll.hello(words, message.spread_ms));
    },
    version(message) {
      const told = announcements.news(message);
      if (!told) return;
      main.take(message);
      told.version = message.version!;
      told.holds = true;
      polls.forEach((poll) => poll.advance(told, message));
    },
    getToken,
  };
  const stats = createStats(env.now());
  const lifetime = createLifetime(env);
  const settings = {
    gateway: root,
    transport,
    byHeader: options.transport ? undefined : fetchStream({ fetch: env.fetch as NonNullable<FetchOptions['fetch']> }),
    held: heldTransport(env, lifetime),
    lifetime,
    off: policy === 'off',
    fast: within(options.interval ?? options.fast, 10_000),
  };
  const connection = createConnection(env, page, settings, stats);
  const least = within(options.hidden, 60_000, 0) * (world.saveData ? 5 : 1);
  const shared = { stats, shadow, saw: shadow ? createShadow(env, connection) : undefined, least: () => (hiddenAt ? least : 0), writer, emit };
  const main = createPagePoll(env, connection, announcements, { ...shared, poll: options.poll, apply });
  polls.add(main);

  function emit<K extends keyof NudgeEvents>(type: K, detail: NudgeEvents[K]) {
    env.after(() => target.dispatchEvent(new CustomEvent(type, { detail })));
  }

  /** Gives each loop its pace, and tells the page if something has changed. */
  function publish() {
    if (ended) return;
    ended = life.signal.aborted;
    const now = env.now();
    for (const poll of polls) poll.loop.pace(poll.pace());
    const { fast, allowed } = main.pace();
    stats.pace(now, fast, running() ? allowed : fast);
    stats.behind(now, main.versions.owes());
    const next = view(connection, main, stats, ended ? 'stopped' : pauses.size ? 'paused' : undefined, shadow);
    const { error, ...rest } = next;
    const seen = JSON.stringify(rest);
    if (seen === text && Object.is(error, snapshot.error)) return;
    text = seen;
    snapshot = next;
    for (const listener of [...listeners]) guarded(listener);
    guarded(() => target.dispatchEvent(new CustomEvent('change', { detail: null })));
  }

  function running(): boolean {
    return started && !pauses.size && !life.signal.aborted;
  }

  function startLoop(poll: PagePoll, immediate?: boolean) {
    if (running()) poll.loop.start(immediate);
  }

  function soon(reason: PollReason) {
    polls.forEach(({ loop }) => loop.soon(reason));
  }

  function stop() {
    if (life.signal.aborted) return;
    life.abort();
    enter(() => {
      polls.forEach((poll) => poll.stop());
      connection.stop();
    });
  }

  /** The function that undoes something: once, and also when the signal says so. */
  function undo(act: () => void, until: Until): () => void {
    let done = false;
    const once = () => {
      if (!done) enter(act);
      done = true;
    };
    guarded(() => whenAborted(until, once));
    return once;
  }

  function whenAborted(until: Until, act: () => void) {
    const signal = until?.signal;
    signal?.addEventListener('abort', act, { signal: life.signal });
    if (signal?.aborted) act();
  }

  // In each of these the loops come first: whatever the connection then does, they go on.
  const visits: Visits = {
    start() {
      started = true;
      polls.forEach((poll) => startLoop(poll, options.immediate));
      connection.start();
    },
    leave: connection.leave,
    back() {
      soon('return');
      connection.back();
    },
    online() {
      soon('online');
      connection.online();
    },
    hide() {
      hiddenAt ||= env.now();
      connection.hide();
    },
    show() {
      const away = hiddenAt > 0 && env.now() - hiddenAt >= AWAY;
      hiddenAt = 0;
      if (away) soon('return');
      connection.show(away);
    },
  };

  if (options.fast !== undefined) env.warn('the option "fast" is now "interval"; the old name works in this version only');
  enter(() => {
    guarded(() => main.versions.watch(withVersions(options.projects)));
    whenAborted(options, stop);
  });
  const first = snapshot; // nothing has begun, as on a server
  if (!life.signal.aborted && (world.page || options.server)) watchPage(env, life.signal, visits);

  return Object.assign(target as EventTarget & Pick<Nudge, 'addEventListener'>, {
    subscribe(listener: () => void, options?: Until) {
      const own = () => listener(); // the same function twice is two subscriptions
      listeners.add(own);
      return undo(() => listeners.delete(own), options);
    },
    getSnapshot: () => snapshot,
    getServerSnapshot: () => first,
    async refresh() {
      if (!started) return;
      const done = [...polls].filter((poll) => poll !== main || options.poll).map(({ loop }) => loop.refresh());
      enter(() => {});
      await Promise.all(done);
    },
    every(ms: number, run: Poll, options?: EveryOptions) {
      let given: Versions = {};
      let immediate: boolean | undefined;
      guarded(() => {
        immediate = options?.immediate;
        given = withVersions(options?.projects);
      });
      const poll = createPagePoll(env, connection, announcements, { ...shared, poll: run, own: within(ms, 10_000) });
      enter(() => {
        if (life.signal.aborted) return;
        polls.add(poll);
        if (poll.watch(given, () => startLoop(poll, immediate))) connection.watch();
      });
      return undo(() => {
        polls.delete(poll);
        poll.versions.unwatch(given);
        connection.unwatch();
        poll.stop();
      }, options);
    },
    interval: (ms: number) => within(ms, main.pace().fast, 0) * snapshot.factor,
    ack(project: string, version: Version, prev?: Version) {
      enter(() => polls.forEach(({ versions }) => versions.made(String(project), version, prev)));
    },
    watch(projects: Projects, options?: Until) {
      let given: Versions = {};
      enter(() => {
        given = withVersions(projects); // what is undone is what was done, whatever the page does with its object
        if (main.watch(given) && started) connection.watch();
      });
      return undo(() => {
        main.versions.unwatch(given);
        connection.unwatch();
      }, options);
    },
    pause(reason = '') {
      if (pauses.add(reason).size > 1) return; // to say it again changes nothing
      enter(() => {
        polls.forEach(({ loop }) => loop.pause());
        connection.pause();
      });
    },
    resume(reason = '') {
      if (!pauses.delete(reason) || pauses.size) return;
      enter(() => {
        polls.forEach((poll) => startLoop(poll));
        soon('return');
        connection.resume();
      });
    },
    setToken: (token: string | null) => enter(() => connection.setToken(token)),
    stop,
    [Symbol.dispose]: stop,
  });
}

/** A number of ms that the page gave, or else the default. */
function within(ms: unknown, otherwise: number, low = Number.MIN_VALUE): number {
  return Math.min(typeof ms === 'number' && ms >= low ? ms : otherwise, DAY);
}

/** Projects with their versions. Of ids alone, the versions are unknown. */
function withVersions(projects: Projects | undefined): Versions {
  if (typeof projects === 'object' && !Array.isArray(projects)) return { ...(projects as Versions) };
  return Object.fromEntries([projects ?? []].flat().map((id) => [id, undefined!]));
}
