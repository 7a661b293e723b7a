import { browser } from './env.js';
import { request, wished } from './gateway.js';
import { each, entry, marks } from './ledger.js';
import { watchPage } from './page.js';
import { due, reduce } from './reduce.js';
import { Deed, type Effect, type Event, initial, Kind, type Sign, type State } from './state.js';
import { EVENT_NAMES, eventSource } from './transports/eventsource.js';
import { projectQuery } from './transports/url.js';
import type { Delivery, Env, Nudge, Options, PollResult, Snapshot, StreamHandle } from './types.js';
import { read } from './wire.js';
import { view } from './view.js';

export type * from './types.js';

const enum Ms {
  /** No interval is longer: not even Infinity, by which a loop would never go on. */
  Day = 86_400_000,
  /** The longest delay that setTimeout takes; beyond it, it would fire at once. */
  Longest = 2 ** 31 - 1,
}

/** Drives the reducer: gives it what happens, and does what it says. It decides nothing itself. */
export function createNudge(options: Options, parts?: Partial<Env>): Nudge {
  const env: Env = { ...browser(), ...parts };
  const { gateway = env.origin, transport = env.EventSource && eventSource(env.EventSource), push: policy = 'auto', writer } = options;
  const root = gateway.replace(/\/+$/, '');
  const target = new EventTarget();
  const listeners = new Set<() => void>();
  const end = new AbortController();
  const life = end.signal;
  const pauses = new Set<string>();
  const streams = new Map<number, StreamHandle>();
  const events: Event[] = [];
  let busy = false;
  let timer: unknown;
  let snapshot!: Snapshot;
  let given: string | null | undefined; // by the page, unasked
  let token: string | null | undefined; // in use
  let inquiry: AbortController | undefined; // of the question that is waited for
  let flight: AbortController | undefined; // of the poll
  let promised: (() => void)[] = []; // those who want a poll

  let state: State = initial(
    {
      fast: Math.min(options.fast! > 0 ? options.fast! : 10_000, Ms.Day),
      hidden: Math.min(options.hidden! >= 0 ? options.hidden! : 60_000, Ms.Day) * (env.saveData ? 5 : 1),
      policy,
      tokens: !!options.getToken,
      bearer: !!transport?.bearer,
      streams: !!transport,
      reach: !!root,
      applies: !!options.apply,
      writer,
    },
    env.now(),
  );
  state.ledger = Object.entries(options.projects).map(([id, have]) => entry(id, have));

  /** One turn: whatever happens during it, as the page's own code may call in, comes after it. */
  function tell(event: Event) {
    events.push(event);
    if (busy || life.aborted) return;
    busy = true;
    for (let next; !life.aborted && (next = events.shift()); ) turn(next);
    busy = false;
    if (life.aborted) return;
    env.clearTimeout(timer);
    const at = due(state);
    if (at < Infinity) timer = env.setTimeout(() => tell({ kind: Kind.Tick }), Math.min(Math.max(0, Math.ceil(at) - env.now()), Ms.Longest));
    publish();
  }

  function turn(event: Event) {
    const { question } = state;
    const [after, effects] = reduce(state, event, env.now(), env.random);
    state = after;
    // Nobody waits for its answer, which would keep a connection, or bring the cookie of a user who has left.
    if (after.question !== question) inquiry?.abort();
    // Only the end comes in between; then nothing else is to be done.
    for (const effect of effects) if (state === after) guarded(() => act[effect.kind](effect as never));
  }

  function guarded(act: () => void) {
    try {
      act();
    } catch (error) {
      env.report(error); // the page's own, which must not stop us
    }
  }

  function publish() {
    const role = streams.get(state.held?.id!)?.role ?? 'solo';
    const next = view(state, role);
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

  const act: { [D in Deed]: (effect: Extract<Effect, { kind: D }>) => void } = {
    [Deed.Open]({ id }) {
      const handle = transport!(
        { gateway: root, projects: marks(state.ledger), token: token ?? null },
        {
          event: (name, data) => EVENT_NAMES.includes(name) && tell({ kind: Kind.Said, sign: name as Sign, id, message: read(data) }),
          lost: () => tell({ kind: Kind.Lost, id }),
        },
      );
      if (life.aborted) handle.close(); // the page has ended it all meanwhile
      else streams.set(id, handle);
    },
    [Deed.Close]({ id }) {
      streams.get(id)?.close();
      streams.delete(id);
    },
    async [Deed.Ask]({ id, what, why }) {
      const { signal } = (inquiry = new AbortController());
      try {
        if (what === 'token') {
          if (why === 'refused') given = undefined;
          const got = await (given !== undefined ? given : options.getToken?.({ reason: why, signal }));
          if (state.question === id) token = got; // else somebody else has logged in meanwhile
          return tell({ kind: Kind.Token, id, granted: !!got });
        }
        const projects = projectQuery(marks(state.ledger));
        const path = { session: '/session', terms: `/poll-interval?${projects}`, versions: `/versions?${projects}&wait=25s` }[what];
        const init = what === 'session' ? { method: 'POST', headers: authorization(), signal } : { signal };
        tell({ kind: Kind.Replied, id, ...(await call(path, init)) });
      } catch {
        tell({ kind: Kind.Failed, id });
      }
    },
    async [Deed.Poll]({ id, reason }) {
      const owed = promised;
      promised = [];
      const { signal } = (flight = new AbortController());
      const at = env.now();
      let ends = 0;
      const over = (failed: boolean) => {
        if (ends++) return;
        if (!life.aborted) emit('poll', { reason, ms: env.now() - at, failed });
        owed.forEach((keep) => keep());
      };
      signal.addEventListener('abort', () => over(true));
      const projects = each(state.ledger, (e) => e.asked!);
      let kind: Kind.Polled | Kind.Unpolled = Kind.Polled;
      let versions, headers: PollResult['headers'];
      try {
        ({ versions, headers } = (await options.poll({ reason, projects, signal })) ?? {});
      } catch (error) {
        kind = Kind.Unpolled;
        headers = (error as PollResult | undefined)?.headers;
      }
      const wish = (name: string) => wished(headers, name, env.now());
      over(kind === Kind.Unpolled);
      tell({ kind, id, versions: versions ?? {}, retryAfter: wish('Retry-After'), pollInterval: wish('X-Poll-Interval') });
    },
    [Deed.Abort]() {
      flight?.abort();
    },
    [Deed.Report]({ project, version }) {
      call('/missed', { method: 'POST', body: JSON.stringify({ project, version }) }).catch(() => {});
    },
    [Deed.Apply]({ message }) {
      try {
        options.apply!(message as Delivery);
      } catch (error) {
        env.report(error); // the poll will tell
        tell({ kind: Kind.Unapplied, project: message.project, prev: message.prev as number });
      }
    },
    [Deed.News]({ project, version }) {
      emit('news', { project, version });
    },
  };

  function stop() {
    if (life.aborted) return;
    end.abort();
    env.clearTimeout(timer);
    turn({ kind: Kind.Stop });
    promised.forEach((keep) => keep());
    publish();
  }

  watchPage(env, life, (kind) => tell({ kind }));
  publish();
  options.signal?.addEventListener('abort', stop, { signal: life });
  if (options.signal?.aborted) stop();

  return Object.assign(target, {
    subscribe(listener: () => void) {
      const own = () => listener(); // the same function twice is two subscriptions
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    getSnapshot: () => snapshot,
    async refresh() {
      if (life.aborted) return;
      const done = new Promise<void>((keep) => promised.push(keep));
      tell({ kind: Kind.Refresh });
      return done;
    },
    ack: (project: string, version: number, prev?: number) => tell({ kind: Kind.Made, project, version, prev }),
    watch(projects: Readonly<Record<string, number>>) {
      tell({ kind: Kind.Watch, projects });
      let over = false;
      return () => {
        if (!over) tell({ kind: Kind.Unwatch, projects });
        over = true;
      };
    },
    pause(reason = '') {
      if (pauses.add(reason).size < 2) tell({ kind: Kind.Pause }); // to say it again changes nothing
    },
    resume(reason = '') {
      if (pauses.delete(reason) && !pauses.size) tell({ kind: Kind.Resume });
    },
    setToken(next: string | null) {
      given = next;
      tell({ kind: next ? Kind.Login : Kind.Logout });
    },
    stop,
    [Symbol.dispose]: stop,
  });
}
