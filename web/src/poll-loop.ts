// The poll loop. It never stops and never has two polls in flight, whatever push does: all that push can do is move the next
// poll. It knows nothing of gateways, streams or versions.

import type { Core } from './env.js';
import { backoff, between, jittered, newsWindow, residue, served, stretched, type Window } from './interval-math.js';
import { createTimer } from './timer.js';
import type { PollReason } from './types.js';

const enum Ms {
  /** A poll without an answer for this long has failed. */
  Patience = 60_000,
  /** The first wait after an answer older than what was announced. It doubles with each of them. */
  Again = 250,
  /**
   * A poll that failed is repeated after this long at the soonest, and after `LongestBackoff` at the latest; or after twice its
   * fast interval, so that failing polls are on average no more frequent than others.
   */
  Retry = 1000,
  LongestBackoff = 300_000,
  /** No interval is shorter or longer: the loop would run hot, or stop. */
  Shortest = 100,
  Day = 86_400_000,
}

/** An interval that grows by less than this factor counts from the next poll: if each change drew anew, some would wait for ever. */
const LONGER = 1.5;

/** How often to poll. */
export interface Pace {
  /** The interval in force. */
  readonly interval: number;
  /** The interval without push: failed polls back off from it. */
  readonly fast: number;
  readonly jitter: number;
  /** Polls for news begin at least this far apart. */
  readonly gap: number;
}

/** What became of a poll. */
export interface Answer {
  readonly failed?: boolean;
  /** How often in a row the application has answered with less than was announced: ask again soon. 0: it has not. */
  readonly stale?: number;
  /** Nothing that was announced is left to poll for. */
  readonly settled?: boolean;
  /** For so long the application wants no poll at all, in ms, */
  readonly retryAfter?: number;
  /** and for so long none but for news. */
  readonly pollInterval?: number;
}

/**
 * The request itself. The loop goes on whether it answers, rejects or never ends. `signal` is aborted when its answer is not
 * waited for any more.
 */
export type Run = (reason: PollReason, signal: AbortSignal) => Promise<Answer>;

export interface PollLoop {
  /** From now on this is the pace. */
  pace(pace: Pace): void;
  /** Something was announced: poll once within the spread. */
  news(spread: number): void;
  /** Poll within a second. */
  soon(reason: PollReason): void;
  /** Polls now. Resolves when a poll begun after this call has ended, well or not. */
  refresh(): Promise<void>;
  /** Begins, or goes on after `pause`. `immediate`: with a poll at once. */
  start(immediate?: boolean): void;
  /** No polls but those of `refresh`. */
  pause(): void;
  /** Ends it for good. */
  stop(): void;
  /** A poll is in flight. */
  readonly busy: boolean;
  /** When the next poll begins; null while one is in flight, and while paused. */
  readonly nextAt: number | null;
}

interface Flight {
  readonly life: AbortController;
  /** Those who called refresh before it began. */
  readonly waiters: (() => void)[];
}

const FAILED: Answer = { failed: true };

export function createPollLoop(env: Core, run: Run, first: Pace): PollLoop {
  let pace = first;
  let running = false;
  let stopped = false;
  // The next poll, apart from news: when and why,
  let due = Infinity;
  let why: PollReason = 'interval';
  // the interval that it was drawn from, the longest one since the last poll, and when the wait began.
  let base = 0;
  let longest = 0;
  let waitsSince = 0;
  // The application wants no poll but for news before `floor`, and none at all before `wall`.
  let floor = 0;
  let wall = 0;
  let window: Window | undefined;
  let newsAt = 0; // when the last poll for news began
  let failures = 0; // in a row
  let spread = 0; // of the newest news
  let flight: Flight | undefined; // the poll in flight
  let hurry: PollReason | undefined; // why to poll again soon after it
  let waiters: (() => void)[] = []; // those who called refresh since the last poll began
  const patience = createTimer(env, () => {
    flight?.life.abort();
    ended(flight, FAILED);
  });
  const timer = createTimer(env, begin);

  /** When news wants a poll. Not while polls fail: haste does not help an application in trouble. */
  function newsDue(): number {
    if (!window || window.served || failures) return Infinity;
    return window.due === due ? due : Math.max(window.due, newsAt + pace.gap, wall);
  }

  function nextAt(): number {
    if (waiters.length) return 0;
    return running ? Math.min(due, newsDue()) : Infinity;
  }

  function arm() {
    timer.set(flight || stopped ? Infinity : nextAt());
  }

  function plan(ms: number, reason: PollReason, before = Infinity) {
    const at = Math.max(floor, env.now() + ms);
    if (at >= before) return;
    due = at;
    why = reason;
  }

  /** The wait for one interval begins. */
  function planNext() {
    base = longest = pace.interval;
    waitsSince = env.now();
    plan(jittered(env.random(), base, pace.jitter), 'interval');
  }

  function soon(reason: PollReason) {
    // The poll in flight may have been overtaken, or fail, since the page was away: another one follows.
    if (flight) hurry = reason;
    else if (running) plan(env.random() * 1000, reason, due);
  }

  /**
   * Another interval counts at once: what is left to wait is drawn again, so that pages whose interval changes together do not
   * poll together. However often that happens, the wait is never longer than the longest interval meanwhile, and its jitter.
   * Not while polls fail, and not while a poll for news waits within its window: to bring that one forward would make a herd.
   */
  function redraw() {
    const ms = pace.interval;
    if (flight || !running || failures || (window && !window.served)) return;
    if (ms >= base && ms < base * LONGER) return;
    base = ms;
    longest = Math.max(longest, ms);
    const latest = waitsSince + longest * (1 + pace.jitter) - env.now();
    if (why === 'interval') plan(Math.min(residue(env.random(), ms, pace.jitter), latest), why);
  }

  function begin() {
    const reason = waiters.length ? 'refresh' : newsDue() < due ? 'news' : why;
    window = served(window, env.now());
    if (reason === 'news') newsAt = env.now();
    const poll = (flight = { life: new AbortController(), waiters });
    waiters = [];
    patience.set(env.now() + Ms.Patience);
    run(reason, poll.life.signal).then(
      (answer) => env.enter(() => ended(poll, answer)),
      () => env.enter(() => ended(poll, FAILED)),
    );
  }

  /** A poll has ended, or is given up. Its answer is not heard after that. */
  function ended(poll: Flight | undefined, { failed, stale, settled, retryAfter = 0, pollInterval = 0 }: Answer) {
    if (!poll || poll !== flight) return;
    flight = undefined;
    patience.set(Infinity);
    const now = env.now();
    wall = now + stretched(env.random(), retryAfter, pace.jitter);
    floor = Math.max(wall, now + stretched(env.random(), pollInterval, pace.jitter));
    failures = failed ? failures + 1 : 0;
    if (settled) window = served(window, now);
    if (running) {
      planNext();
      if (failed) plan(backoff(env.random(), failures, pace.fast, Ms.Retry, Math.max(Ms.LongestBackoff, 2 * pace.fast)), 'retry');
      if (stale) plan((Ms.Again / 2) * 2 ** stale * between(env.random(), 0.5, 1.5) + spread * env.random(), 'behind', due);
    }
    if (hurry) soon(hurry);
    hurry = undefined;
    arm();
    poll.waiters.forEach((done) => done());
  }

  return {
    pace(next) {
      pace = { ...next, interval: Math.max(Ms.Shortest, Math.min(next.interval, Ms.Day)) || first.interval };
      redraw();
      arm();
    },
    news(ms) {
      if (!running) return;
      spread = ms > 0 ? Math.min(ms, Ms.Day) : 0;
      // A poll in flight has begun before the news: the time it was due at serves nothing.
      window = newsWindow(window, env.now(), spread, env.random(), flight ? Infinity : due);
      arm();
    },
    soon(reason) {
      soon(reason);
      arm();
    },
    refresh() {
      if (stopped) return Promise.resolve();
      return new Promise((done) => {
        waiters.push(done);
        arm();
      });
    },
    start(immediate) {
      if (running || stopped) return;
      running = true;
      planNext();
      if (immediate) plan(0, 'start');
      arm();
    },
    pause() {
      running = false;
      due = Infinity;
      arm();
    },
    stop() {
      stopped = true;
      running = false;
      patience.set(Infinity);
      arm();
      const left = [...waiters, ...(flight?.waiters ?? [])];
      flight?.life.abort();
      flight = undefined;
      waiters = [];
      left.forEach((done) => done());
    },
    get busy() {
      return !!flight;
    },
    get nextAt() {
      return flight || nextAt() === Infinity ? null : Math.ceil(nextAt());
    },
  };
}
