// One poll of the page with the projects that it is for: a poll loop, the versions it works with, and the pace that a gateway
// allows it. The page's `poll` is one, and each `every` is another.

import type { Announced, Announcements, Word } from './announced-versions.js';
import type { Connection } from './connection.js';
import type { Core } from './env.js';
import { headerMs } from './gateway-requests.js';
import type { Message } from './messages.js';
import { createMissed } from './observers/missed.js';
import type { Shadow } from './observers/shadow.js';
import type { Counts } from './observers/stats.js';
import { answerOf, responseOf } from './poll-answer.js';
import { type Answer, createPollLoop } from './poll-loop.js';
import { type Paced, pollPace } from './stretched-interval.js';
import { createVersions } from './poll-needed.js';
import type { Delivery, NudgeEvents, Poll, PollReason, PollResult, Versions as Given } from './types.js';

export interface Work extends Paced {
  /** Missing: the page makes no poll of its own, and has whatever is announced. */
  readonly poll: Poll | undefined;
  readonly stats: Counts;
  /** Told of each poll that is judged. */
  readonly saw?: Shadow | undefined;
  readonly apply?: ((delivery: Delivery) => void) | undefined;
  readonly writer?: string | undefined;
  emit<K extends keyof NudgeEvents>(type: K, detail: NudgeEvents[K]): void;
}

export type PagePoll = ReturnType<typeof createPagePoll>;

export function createPagePoll(env: Core, connection: Connection, announcements: Announcements, work: Work) {
  const { stats, shadow, writer } = work;
  const versions = createVersions(announcements, env.warn);
  const missed = createMissed(env, connection, versions, () => stats.stats.missed++, work.saw);
  const loop = createPollLoop(env, run, pace());
  let { apply } = work;
  let error: unknown = null;
  let behindAt = 0; // since when push knows of something that the page does not have, if it does
  let trace: string | undefined; // of the news that the next poll is for

  /** How often to poll now. */
  function pace() {
    return pollPace(connection, versions, work);
  }

  async function run(reason: PollReason, signal: AbortSignal): Promise<Answer> {
    const at = env.now();
    let safety = false;
    let answered = () => {};
    // Whatever the connection does in here, the poll is made.
    env.enter(() => {
      safety = reason === 'interval' && connection.trusted();
      if (!versions.owes()) behindAt = 0; // the page may have it without a poll
      versions.ask();
      stats.polling(at, reason);
      answered = connection.polling();
    });
    let ended = false;
    const end = (failed: boolean, thrown: unknown) =>
      env.enter(() => {
        if (ended) return;
        ended = true;
        error = failed ? thrown : null;
        answered();
        if (failed) stats.stats.failedPolls++;
        work.emit('poll', { reason, ms: env.now() - at, failed, ...(failed && { error: thrown }) });
      });
    signal.addEventListener('abort', () => end(true, signal.reason));
    let answer: Answer = { failed: true };
    try {
      const asked = versions.asked();
      const traceparent = trace;
      trace = undefined;
      const unchanged = () => Object.fromEntries(Object.entries(asked).map(([id, { have }]) => [id, have]));
      const result = await answerOf(() => work.poll!({ reason, projects: asked, signal, traceparent }), unchanged);
      if (!signal.aborted) answer = { ...wishes(result), ...taken(result, safety) };
      end(false, null);
    } catch (thrown) {
      end(true, thrown);
      env.guarded(() => {
        if (!signal.aborted) answer = { failed: true, ...wishes(responseOf(thrown)) };
        complain(thrown);
      });
    }
    return answer;
  }

  /** What the application says of the next poll. */
  function wishes({ headers }: PollResult): Answer {
    return { retryAfter: headerMs(headers, 'Retry-After', env.now()), pollInterval: headerMs(headers, 'X-Poll-Interval', env.now()) };
  }

  /** Takes the versions of an answer. */
  function taken({ versions: told, differs }: PollResult, safety: boolean): Answer {
    const stale = versions.answer(Object(told ?? {}));
    const wrong = [...versions.refuted(), ...versions.wrong(differs)];
    if (wrong.length) apply = undefined; // what came by push was not what the application has
    env.enter(() => {
      missed.report('data', wrong);
      missed.answered(safety, behindAt && env.now() - behindAt);
      if (!versions.owes()) behindAt = 0;
    });
    loop.pace(pace());
    return { stale, settled: !versions.owes() };
  }

  /** The application's own errors would vanish in here: each kind is told once. An answer with an error status is no mistake. */
  function complain(thrown: any) {
    if (!thrown || 'status' in responseOf(thrown)) return;
    env.warn(`a poll failed, and is tried again: ${String(thrown)}`);
  }

  function pollForNews(named: [string, number][], wanted: boolean, spread: number) {
    for (const [project, version] of named) work.emit('news', { project, version });
    if (wanted) behindAt ||= env.now();
    if (!work.poll) versions.haveAll();
    else if (wanted && !shadow) loop.news(spread);
  }

  return {
    versions,
    loop: work.poll ? loop : { ...loop, start() {} },
    pace,
    stop() {
      loop.stop();
      missed.stop();
    },
    get error() {
      return error;
    },
    hello(words: Word[], spread: number) {
      pollForNews(versions.hello(words), versions.owes(), spread);
    },
    /** An advance comes. The page may have it without a poll: it made the change, or can apply it. */
    take(message: Message) {
      const made = !!message.writer && message.writer === writer;
      // A poll in flight may bring the same change.
      if (loop.busy || !(made || (message.data != null && apply))) return;
      env.guarded(() =>
        versions.take(message, () => {
          if (made) return;
          const done: unknown = apply!({ ...message } as Delivery);
          // It may give a promise though it must not. If that is not kept, a poll brings the change.
          Promise.resolve(done).catch((thrown) => {
            env.report(thrown);
            env.enter(() => loop.soon('behind'));
          });
        }),
      );
    },
    advance(told: Announced, { version, spread_ms, reset, traceparent }: Message) {
      const [mine, wanted] = versions.advance(told, reset);
      if (mine) trace ||= traceparent;
      if (mine) pollForNews([[told.id, version!]], wanted, spread_ms);
    },
    /** Projects are added, before the loop begins if it has yet to. True if the stream does not serve one of them yet. */
    watch(projects: Given, begin = () => {}): boolean {
      const more = versions.watch(projects);
      loop.pace(pace());
      begin();
      pollForNews([], versions.owes(), 0); // what the open stream has announced before
      return more;
    },
  };
}
