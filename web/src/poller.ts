import { backoff, between, stretched } from './chance.js';
import type { Clock } from './clock.js';
import { wished } from './gateway.js';
import type { Ledger } from './ledger.js';
import { announced, jittered, residue, served, type Window } from './pace.js';
import type { State } from './state.js';
import type { Env, Options, PollContext, PollReason, PollResult } from './types.js';

const enum Ms {
  /** A poll without an answer for this long may lack a connection: a browser has six per host for all tabs over HTTP/1.1. */
  Crowded = 10_000,
  /** A timer later than this means that the page was asleep: then an answer has Drain to come out. */
  Late = 1000,
  Drain = 1000,
  /** A poll without an answer for this long has failed. */
  Patience = 60_000,
  /** The first wait after an answer older than what was announced; it doubles, four times. */
  Again = 250,
  /** A poll that failed is not repeated sooner than this, and back-off goes no further than that. */
  Retry = 1000,
  LongestBackoff = 300_000,
}

/**
 * The poll loop. It never stops, and never has two polls in flight: whatever push does only moves the next one.
 */
export interface Poller {
  /** There is news; the polls of all who hear it are spread over `spread` ms. */
  news(spread: number): void;
  /** Polls within a second, failing or not. */
  soon(reason: PollReason): void;
  refresh(): Promise<void>;
  /** Follows the interval in force. To be called whenever anything may have changed. */
  settle(): void;
  /** When the next poll is due; null while one is in flight. */
  nextAt(): number | null;
  stop(): void;
}

interface Flight {
  controller: AbortController;
  /** Those whom the end of this poll was promised. */
  promised: (() => void)[];
}

export function createPoller(
  env: Env,
  clock: Clock,
  state: State,
  ledger: Ledger,
  poll: Options['poll'],
  /** The interval in force. */
  interval: () => number,
  /** The poll in flight seems to find no connection. */
  crowded: () => void,
  /** Whether the page relies on push. */
  trusted: () => boolean,
  /** A poll that nothing but the interval asked for, and that began while push was relied on, has been answered. */
  audit: (asked: PollContext['projects']) => void,
): Poller {
  const { now, random } = env;
  const { stats } = state;
  const alarm = clock.alarm();
  const pressure = clock.alarm();

  let due: number;
  let floor = 0; // before it the application wants no poll but for news,
  let hold = 0; // and before this one none at all
  let reason: PollReason;
  let base: number; // the interval that `due` was drawn from
  let window: Window | undefined;
  let spread = 0; // of the newest news
  let newsAt = -Infinity; // when the last news-driven poll began
  let hurry: PollReason | undefined; // why to poll again soon after the poll in flight
  let failures = 0;
  let tries = 0;
  let flight: Flight | undefined;
  let promised: (() => void)[] = [];

  function cycle() {
    base = interval();
    due = Math.max(floor, now() + jittered(base, state.jitter, random()));
    reason = 'interval';
  }

  function sooner(ms: number, why: PollReason) {
    const at = Math.max(floor, now() + ms);
    if (at >= due) return;
    due = at;
    reason = why;
  }

  /** What is in flight may have been overtaken by events, and then fail: it does not count. */
  function soon(why: PollReason) {
    if (flight) hurry = why;
    else sooner(random() * 1000, why);
  }

  /** When news wants a poll. While polls fail it has to wait: an application in trouble is not helped by haste. */
  function newsDue(): number {
    if (!window || window.served || failures) return Infinity;
    return window.due === due ? due : Math.max(window.due, newsAt + state.gap, hold);
  }

  /**
   * A shorter interval counts at once. Not while polls fail, and not where news has its window: that poll is on its way, and
   * to hurry beside it would make a herd that nobody spread.
   */
  function settle() {
    if (flight) return;
    const ms = interval();
    if (ms < base && !failures && (!window || window.served)) {
      base = ms;
      if (reason === 'interval') due = Math.max(floor, now() + residue(ms, state.jitter, random()));
    }
    alarm.set(promised.length ? 0 : Math.min(due, newsDue()) - now(), begin);
  }

  function news(ms: number) {
    spread = ms;
    // A poll in flight has begun before the news, so that its due time is past and serves nothing.
    window = announced(window, now(), spread, random(), flight ? Infinity : due);
  }

  function begin() {
    const why = promised.length ? 'refresh' : newsDue() < due ? 'news' : reason;
    const at = (state.lastPollAt = now());
    window = served(window, at);
    stats.polls++;
    if (why === 'news') {
      newsAt = at;
      stats.newsPolls++;
    }

    const safety = why === 'interval' && trusted();
    const asked = ledger.ask();
    const mine: Flight = (flight = { controller: new AbortController(), promised });
    promised = [];

    /** Whatever comes first ends the poll; a later word of the same poll is not heard. */
    const end = (act: (said: PollResult) => void) =>
      clock.turn((said?: any) => {
        if (flight !== mine) return;
        flight = undefined;
        pressure.clear();
        const after = (name: string) => now() + stretched(random, wished(said?.headers, name, now()), state.jitter);
        hold = after('Retry-After');
        floor = Math.max(hold, after('X-Poll-Interval'));
        act(said);
        if (hurry) soon(hurry);
        hurry = undefined;
        mine.promised.forEach((keep) => keep());
      });
    const succeeded = end(({ versions }) => {
      failures = 0;
      const stale = ledger.answer(asked, versions!);
      if (safety) audit(asked);
      if (!ledger.owes()) window = served(window, now());
      if (!ledger.behind()) tries = 0;
      cycle();
      if (stale && tries < 4) sooner(Ms.Again * 2 ** tries++ * between(random, 0.5, 1.5) + spread * random(), 'behind');
    });
    const failed: (why?: unknown) => void = end(() => {
      mine.controller.abort();
      stats.failedPolls++;
      cycle();
      due = Math.max(floor, now() + backoff(random, ++failures, state.fast, Ms.Retry, Ms.LongestBackoff));
      reason = 'retry';
    });

    const answer = async () => {
      const said = await poll({ reason: why, projects: asked, signal: mine.controller.signal });
      return { versions: said?.versions ?? {}, headers: said?.headers };
    };
    alarm.set(Ms.Patience, failed);
    pressure.set(Ms.Crowded, () => (now() - at > Ms.Crowded + Ms.Late ? pressure.set(Ms.Drain, crowded) : crowded()));
    answer().then(succeeded, failed);
  }

  cycle();
  return {
    news,
    soon,
    refresh: () => new Promise((keep) => promised.push(keep)),
    settle,
    nextAt: () => (flight ? null : Math.ceil(Math.min(due, newsDue()))),
    stop() {
      flight?.controller.abort();
      promised.concat(flight?.promised ?? []).forEach((keep) => keep());
    },
  };
}
