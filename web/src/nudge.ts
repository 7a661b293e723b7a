import { browser } from './env.js';
import { eventSource, query, SIGNS } from './eventsource.js';
import { request, wished } from './gateway.js';
import { each, entry, marks } from './ledger.js';
import { watchPage } from './page.js';
import { due, reduce } from './reduce.js';
import { type Effect, type Event, initial, type State } from './state.js';
import type { Delivery, Env, Nudge, Options, Snapshot, StreamHandle } from './types.js';
import { read } from './wire.js';
import { view } from './view.js';

export type * from './types.js';

/** The longest delay that setTimeout takes; beyond it, it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Drives the reducer: gives it what happens, and does what it says. It decides nothing itself. */
export function createNudge(options: Options, parts?: Partial<Env>): Nudge {
  const env: Env = { ...browser(), ...parts };
  const { gateway = env.origin, transport = env.EventSource && eventSource(env.EventSource), push = 'auto', writer } = options;
  const root = gateway.replace(/\/+$/, '');
  const startedAt = env.now();
  const target = new EventTarget();
  const listeners = new Set<() => void>();
  const life = new AbortController();
  const pauses = new Set<string>();
  const streams = new Map<number, StreamHandle>();
  const events: Event[] = [];
  let stopped = false;
  let busy = false;
  let timer: unknown;
  let snapshot!: Snapshot;
  let given: string | null | undefined; // by the page, unasked
  let token: string | null | undefined; // in use
  let flight: AbortController | undefined;
  let promised: (() => void)[] = []; // those who want a poll
  let owed: (() => void)[] = []; // and who have it in flight

  let state: State = initial(
    {
      fast: options.fast! > 0 ? options.fast! : 10_000,
      hidden: (options.hidden ?? 60_000) * (env.saveData ? 5 : 1),
      push,
      tokens: !!options.getToken,
      bearer: !!transport?.bearer,
      streams: !!transport,
      reach: !!root,
      applies: !!options.apply,
      writer,
    },
    startedAt,
  );
  state.entries = Object.entries(options.projects).map(([id, have]) => entry(id, have));

  /** One turn: whatever happens during it, as the page's own code may call in, comes after it. */
  function tell(event: Event) {
    events.push(event);
    if (busy || stopped) return;
    busy = true;
    for (let next; !stopped && (next = events.shift()); ) {
      const [after, effects] = reduce(state, next, env.now(), env.random);
      state = after;
      for (const effect of effects) stopped || guarded(() => act[effect.kind](effect as never));
    }
    busy = false;
    if (stopped) return;
    env.clearTimeout(timer);
    const at = due(state);
    if (at < Infinity) timer = env.setTimeout(() => tell({ kind: 'tick' }), Math.min(Math.max(0, Math.ceil(at) - env.now()), LONGEST));
    publish();
  }

  function guarded<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      env.report(error); // the page's own, which must not stop us
    }
    return undefined;
  }

  function publish() {
    const role = streams.get(state.held?.id ?? 0)?.role ?? 'solo';
    const next = view(state, stopped, startedAt, role);
    if (JSON.stringify(next) === JSON.stringify(snapshot)) return;
    snapshot = next;
    for (const listener of [...listeners]) guarded(listener);
    emit('change');
  }

  function emit(type: string, detail?: unknown) {
    target.dispatchEvent(new CustomEvent(type, { detail }));
  }

  function call(path: string, init?: RequestInit) {
    if (transport?.bearer) init = { ...init, credentials: 'omit', headers: authorization() };
    return request(env, root + path, init);
  }

  function authorization(): HeadersInit {
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  const act: { [K in Effect['kind']]: (effect: Extract<Effect, { kind: K }>) => void } = {
    open({ id }) {
      const handle = transport!(
        { gateway: root, projects: marks(state.entries), token: token ?? null },
        {
          event: (name, data) => SIGNS.includes(name) && tell({ kind: name as 'hello', id, message: read(data) }),
          lost: () => tell({ kind: 'lost', id }),
        },
      );
      streams.set(id, handle);
    },
    close({ id }) {
      streams.get(id)?.close();
      streams.delete(id);
    },
    ask({ id, what, why }) {
      const failed = () => tell({ kind: 'failed', id });
      if (what === 'token') {
        if (why === 'refused') given = undefined;
        const asked = async () => (given !== undefined ? given : options.getToken?.({ reason: why, signal: life.signal }));
        asked().then((got) => {
          token = got;
          tell({ kind: 'token', id, granted: !!got });
        }, failed);
        return;
      }
      const projects = query(marks(state.entries));
      const path = { session: '/session', terms: `/poll-interval?${projects}`, versions: `/versions?${projects}&wait=25s` }[what];
      const init = what === 'session' ? { method: 'POST', headers: authorization() } : undefined;
      call(path, init).then((reply) => tell({ kind: 'replied', id, ...reply }), failed);
    },
    poll({ id, reason }) {
      owed = promised;
      promised = [];
      const { signal } = (flight = new AbortController());
      const at = env.now();
      const projects = each(state.entries, (e) => e.asked!);
      const answer = async () => {
        const said = await options.poll({ reason, projects, signal });
        return { versions: said?.versions ?? {}, headers: said?.headers };
      };
      const ended = (kind: 'polled' | 'unpolled') => (said: any) => {
        const wish = (name: string) => wished(said?.headers, name, env.now());
        const common = { id, retryAfter: wish('Retry-After'), pollInterval: wish('X-Poll-Interval') };
        if (state.flight === id) end(kind === 'unpolled');
        tell(kind === 'polled' ? { kind, versions: said.versions, ...common } : { kind, ...common });
      };
      const mine = owed;
      const end = (failed: boolean) => {
        if (!stopped) emit('poll', { reason, ms: env.now() - at, failed });
        mine.forEach((keep) => keep());
      };
      signal.addEventListener('abort', () => end(true));
      answer().then(ended('polled'), ended('unpolled'));
    },
    abort() {
      flight?.abort();
    },
    report({ project, version }) {
      call('/missed', { method: 'POST', body: JSON.stringify({ project, version }) }).catch(() => {});
    },
    apply({ message: { project, prev, ...rest } }) {
      try {
        options.apply!({ project, prev, ...rest } as Delivery);
      } catch (error) {
        env.report(error); // the poll will tell
        tell({ kind: 'unapplied', project, prev: prev as number });
      }
    },
    news({ project, version }) {
      emit('news', { project, version });
    },
  };

  function stop() {
    if (stopped) return;
    stopped = true;
    life.abort();
    env.clearTimeout(timer);
    for (const handle of streams.values()) handle.close();
    streams.clear();
    flight?.abort();
    promised.forEach((keep) => keep());
    publish();
  }

  watchPage(env, life.signal, (kind) => tell({ kind }));
  publish();
  options.signal?.addEventListener('abort', stop, life);
  if (options.signal?.aborted) stop();

  return Object.assign(target, {
    subscribe(listener: () => void) {
      const own = () => listener(); // the same function twice is two subscriptions
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    getSnapshot: () => snapshot,
    async refresh() {
      if (stopped) return;
      const done = new Promise<void>((keep) => promised.push(keep));
      tell({ kind: 'refresh' });
      return done;
    },
    ack: (project: string, version: number, prev?: number) => tell({ kind: 'made', project, version, prev }),
    watch(projects: Readonly<Record<string, number>>) {
      tell({ kind: 'watch', projects });
      let over = false;
      return () => {
        if (!over) tell({ kind: 'unwatch', projects });
        over = true;
      };
    },
    pause(reason = '') {
      if (pauses.size === pauses.add(reason).size || pauses.size > 1) return;
      tell({ kind: 'pause' });
    },
    resume(reason = '') {
      if (pauses.delete(reason) && !pauses.size) tell({ kind: 'resume' });
    },
    setToken(next: string | null) {
      given = next;
      tell({ kind: next ? 'login' : 'logout' });
    },
    stop,
    [Symbol.dispose]: stop,
  });
}
