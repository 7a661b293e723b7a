// Whether the page is there and wants a stream: it starts, is hidden, shown, left, paused; it has projects or none.

import type { Core } from './env.js';
import type { createCadence } from './gateway-cadence.js';
import { createTimer } from './timer.js';
import type { Reason } from './types.js';
import { Wait, type NextStep } from './connection-next-step.js';

const enum Ms {
  /** A hidden page lets its stream go after this long: over HTTP/1.1 six of them leave no connection for anything else. */
  Hidden = 60_000,
  /** Projects that are added one after the other share a new stream. */
  Gather = 50,
  /** A page without projects keeps its stream for this long: components that replace one another share it. */
  Unused = 5000,
}

/** What it does with the streams. */
export interface Streams {
  /** Whether the page watches any project. */
  wanted(): boolean;
  /** Whether one is open or opening. */
  some(): boolean;
  /** Whether one is opening. */
  opening(): boolean;
  /** Lets go of all. */
  leave(why: Reason): void;
  /** The poll interval that they allow. */
  rare(): number | undefined;
  /** True if there is no project, and so nothing to connect for. */
  idles(): boolean;
  begin(): void;
  open(): void;
  terms(): void;
}

export function createPresence(env: Core, next: NextStep, cadence: ReturnType<typeof createCadence>, streams: Streams) {
  let started = false; // on a server it never is
  let longHidden = false; // for so long that it does without a stream
  let idle: Reason | undefined; // why the page wants no stream
  let notBefore = 0; // a page that was away comes back no sooner than this: the wait it was in counts on

  /** The page wants no stream for now. The wait that it was in counts on. */
  function goAway(why: Reason) {
    if (next.waits !== Wait.Away) notBefore = next.waits === Wait.Own || streams.some() || next.at() === Infinity ? 0 : next.at();
    streams.leave(why);
  }

  const hidden = createTimer(env, () => {
    longHidden = true;
    if (next.waits === Wait.Away) return;
    const kept = streams.rare();
    goAway('hidden');
    cadence.keep(kept, Infinity);
  });

  const unused = createTimer(env, () => {
    if (next.waits === Wait.Away || streams.wanted()) return;
    streams.leave('starting');
    cadence.endGrace();
    streams.begin(); // once there is something to watch
  });

  /** The page was away, or the network was: a stream that is still there may be dead without knowing. */
  function back() {
    const away = next.waits === Wait.Away;
    if (!started || idle || longHidden || (!away && (next.waits || streams.opening()))) return;
    if (streams.idles()) return;
    if (away) cadence.limitGrace();
    const ms = Math.max(env.random() * 1000, notBefore - env.now());
    const step = away ? streams.begin : streams.some() ? streams.open : streams.terms;
    next.wait(ms, step, next.reason, notBefore > env.now() ? Wait.Asked : Wait.Own);
    notBefore = 0;
  }

  /** It is shown, or it ends. */
  function show() {
    hidden.set(Infinity);
    longHidden = false;
  }

  return {
    start() {
      started = true;
      if (!idle) streams.begin();
    },
    /** The page has been left, and may come back. */
    leave: () => goAway(idle ?? 'hidden'),
    back,
    hide() {
      if (hidden.at === Infinity) hidden.set(env.now() + Ms.Hidden);
    },
    show,
    pause() {
      goAway((idle = 'paused'));
      cadence.endGrace();
    },
    resume() {
      idle = undefined;
      if (longHidden) next.reason = 'hidden';
      back();
    },
    stop() {
      show();
      unused.set(Infinity);
    },
    /** There are projects that the open stream does not serve. */
    watch() {
      if (idle || next.asking()) return;
      if (streams.some()) next.wait(Ms.Gather, streams.open, next.reason);
      else if (next.waits === Wait.Own && next.at() === Infinity) next.wait(Ms.Gather, streams.begin, next.reason);
    },
    /** The page wants fewer projects, or none. */
    unwatch() {
      if (!streams.wanted()) unused.set(env.now() + Ms.Unused);
    },
  };
}
