import { createAudit } from './audit.js';
import { createClock } from './clock.js';
import { browser } from './env.js';
import { createLedger } from './ledger.js';
import { createLink } from './link.js';
import { interval } from './pace.js';
import { watchPage } from './page.js';
import { createPoller } from './poller.js';
import { createState } from './state.js';
import type { Delivery, Env, Nudge, Options, PollReason, Snapshot } from './types.js';
import type { Message } from './wire.js';

export type * from './types.js';

export function createNudge(options: Options, parts?: Partial<Env>): Nudge {
  const env: Env = { ...browser(), ...parts };
  const state = createState(env.now(), options.fast! > 0 ? options.fast! : 10_000);
  const listeners = new Set<() => void>();
  const life = new AbortController();
  let stopped = false;
  let snapshot!: Snapshot;

  const clock = createClock(env, settle);
  const ledger = createLedger(options.projects);
  const link = createLink(env, clock, state, ledger, options, (spread) => poller.news(spread), takes);
  const audit = createAudit(env, clock, ledger, trusted, link.report);
  const poller = createPoller(env, clock, state, ledger, (context) => options.poll(context), inForce, link.crowded, trusted, audit);

  function trusted(): boolean {
    return link.stream() === 'proven' && state.push !== 'down';
  }

  /** The page made the change itself, or has just applied it. A poll in flight may bring the same. */
  function takes(advance: Message): boolean | void {
    if (!poller.nextAt()) return;
    if (advance.writer && advance.writer === options.writer) return true;
    if (advance.data == null || !options.apply) return;
    try {
      options.apply(advance as Delivery);
      return true;
    } catch (error) {
      env.report(error); // the poll will tell
    }
  }

  function inForce(): number {
    return interval(state.fast, link.rare(), ledger.uncovered(), ledger.behind() > 0);
  }

  /** After every turn: when to poll next follows from how things are, and so does what the page is told. */
  function settle() {
    poller.settle();
    publish();
  }

  function publish() {
    const next: Snapshot = {
      ...state,
      mode: stopped ? 'stopped' : link.rare() === undefined || ledger.uncovered() || state.push === 'down' ? 'poll' : 'push',
      stream: link.stream(),
      role: link.role(),
      interval: inForce(),
      nextPollAt: stopped ? null : poller.nextAt(),
      versions: ledger.versions(),
      behind: ledger.behind(),
      reason: stopped ? 'stopped' : link.reason(),
      stats: { ...state.stats },
    };
    if (JSON.stringify(next) === JSON.stringify(snapshot)) return;
    snapshot = next;
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (error) {
        env.report(error); // the others still hear
      }
    }
  }

  function stop() {
    if (stopped) return;
    stopped = true;
    life.abort();
    link.suspend();
    poller.stop();
    clock.stop();
    publish();
  }

  function back(reason: PollReason) {
    poller.soon(reason);
    link.renew();
  }

  watchPage(env, clock, life.signal, {
    begin: link.start,
    leave: link.suspend,
    back: () => back('return'),
    online: () => back('online'),
  });
  settle();
  options.signal?.addEventListener('abort', stop, life);
  if (options.signal?.aborted) stop();

  return {
    subscribe(listener) {
      const own = () => listener(); // the same function twice is two subscriptions
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    getSnapshot: () => snapshot,
    async refresh() {
      if (stopped) return;
      const done = poller.refresh();
      settle();
      return done;
    },
    ack: clock.turn(ledger.made),
    stop,
    [Symbol.dispose]: stop,
  };
}
