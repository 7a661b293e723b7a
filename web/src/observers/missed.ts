// What the application's answers say of push: a safety poll that finds what the stream should have announced, pushed data that
// the application does not confirm, an announced version that the application does not have. The gateway is told.

import type { Connection } from '../connection.js';
import type { Core } from '../env.js';
import { between } from '../interval-math.js';
import { createTimer } from '../timer.js';
import type { Versions } from '../versions.js';

const enum Ms {
  /** News may be as late as this, or twice this, before it counts as missed: it is published after the commit that a poll sees. */
  Grace = 2000,
  /** For this long after a report the page is silent about the same. */
  Quiet = 300_000,
}

/** `missed` is called for each version that push should have announced. */
export function createMissed(env: Core, connection: Connection, versions: Versions, missed: () => void) {
  const quiet = new Map<string, number>(); // per kind until when, or per project that is ahead
  const audit = createTimer(env, () => {
    if (!connection.trusted()) return;
    report(undefined, versions.unannounced(), missed);
  });

  function report(kind: string | undefined, found: [project: string, version: number, named?: number][], each = () => {}, key = kind!) {
    if (!found.length || env.now() < (quiet.get(key) ?? 0)) return;
    quiet.set(key, env.now() + Ms.Quiet);
    for (const [project, version, named] of found) {
      each();
      connection.report({ project, version, named, kind });
    }
  }

  return {
    report,
    /** A poll was answered. `safety`: only its interval had caused it, and a stream was trusted when it began. */
    answered(safety: boolean) {
      if (safety) audit.set(versions.gained() ? env.now() + Ms.Grace * between(env.random(), 1, 2) : Infinity);
      // The gateway names each to its operator, who fixes them one by one.
      for (const ahead of versions.ahead()) report('ahead', [ahead], undefined, `ahead ${ahead[0]}`);
    },
    stop() {
      audit.set(Infinity);
    },
  };
}
