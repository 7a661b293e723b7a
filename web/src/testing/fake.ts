import { createNudge as create } from '../nudge.js';
import type { Env, Nudge, Options, StreamEvents, Transport } from '../types.js';

/** An instance for the tests of an application. */
export interface FakeNudge extends Nudge {
  /** Push announces a version. Resolves when the page has polled for it, if it does. */
  announce(project: string | number, version: number): Promise<void>;
  /** Lets the time of this instance pass: the polls that are due meanwhile are made, and awaited. */
  pass(ms: number): Promise<void>;
  /** Push breaks: from now on the page polls at its old pace. */
  breakPush(): void;
  /** Push works again, and the page has noticed: a minute of its time passes. */
  restorePush(): Promise<void>;
}

/**
 * Takes the place of `createNudge` in tests. It calls `poll` as a page does, with push that works, but there is no network, and
 * no timer: time passes, and news comes, when the test says so.
 */
export function createNudge(options: Options): FakeNudge {
  const timers = new Map<number, { at: number; ring(): void }>();
  const streams = new Set<StreamEvents>();
  const interval = options.interval ?? options.fast ?? 10_000;
  const cadence = { push: 'healthy', fast_ms: interval, poll_ms: Math.max(interval, 300_000), jitter: 0, heartbeat_ms: 86_400_000 };
  const versions = new Map<string, number>();
  let now = Date.now();
  let last = 0;
  let broken = false;

  const at = (ms: number, ring: () => void) => {
    timers.set(++last, { at: now + ms, ring });
    return last;
  };
  const transport: Transport = ({ projects }, on) => {
    streams.add(on);
    const known = Object.entries(projects).map(([id, have]) => [id, Math.max(have, versions.get(id) ?? 0)]);
    if (broken) at(0, () => on.lost());
    else at(0, () => on.event('hello', { ...cadence, versions: Object.fromEntries(known) }));
    at(1000, () => on.event('heartbeat', cadence));
    return { close: () => void streams.delete(on), role: 'solo' };
  };
  const env: Partial<Env> = {
    now: () => now,
    random: () => 0.5,
    setTimeout: (ring, ms) => at(ms, ring),
    clearTimeout: (id) => void timers.delete(id as number),
    fetch: async () => {
      if (broken) throw new TypeError('push is broken, as the test wants');
      // No Response: reading one takes real time, which this instance does not have.
      return { status: 200, headers: new Headers(), json: async () => ({ ...cadence, denied: [], off: [] }) } as Response;
    },
    page: true,
    window: undefined!,
    document: undefined!,
  };
  const nudge = create({ ...options, transport: Object.assign(transport, { bearer: true }), getToken: undefined!, gateway: 'http://nudge.invalid' }, env);

  /** Until nothing goes on that needs no time, polls of the application among it. */
  async function settled() {
    do for (let i = 0; i < 20; i++) await Promise.resolve();
    while (nudge.getSnapshot().nextPollAt === null && nudge.getSnapshot().mode !== 'stopped' && (await ended()));
  }

  function ended(): Promise<boolean> {
    return new Promise((resolve) => nudge.addEventListener('poll', () => resolve(true), { once: true }));
  }

  async function pass(ms: number) {
    const end = now + ms;
    for (;;) {
      await settled();
      const [id, next] = [...timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) break;
      timers.delete(id!);
      now = Math.max(now, next.at);
      next.ring();
    }
    now = end;
  }

  return Object.assign(nudge, {
    pass,
    async announce(project: string | number, version: number) {
      if (nudge.getSnapshot().stream !== 'proven') await pass(1000);
      versions.set(String(project), version);
      for (const on of streams) on.event('version', { project: String(project), version, spread_ms: 0 });
      await pass(1000);
    },
    breakPush() {
      broken = true;
      for (const on of [...streams]) on.lost();
    },
    async restorePush() {
      broken = false;
      await pass(60_000);
    },
  });
}
