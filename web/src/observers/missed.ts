// What the application's answers say of push: a safety poll that finds what the stream should have announced, pushed data that
// the application does not confirm, an announced version that the application does not have. The gateway is told.

import type { Connection } from '../connection.js';
import type { Core } from '../env.js';
import { between } from '../interval-math.js';
import { createTimer } from '../timer.js';
import type { Versions } from '../poll-needed.js';
import type { Shadow } from './shadow.js';

const enum Ms {
  /** News may be as late as this, or twice this, before it counts as missed: it is published after the commit that a poll sees. */
  Grace = 2000,
  /** For this long after a report the page is silent about the same. */
  Quiet = 300_000,
}

/** `missed` is called for each version that push should have announced; `shadow` for each poll that is judged. */
export function createMissed(env: Core, connection: Connection, versions: Versions, missed: () => void, shadow?: Shadow) {
  const quiet = new Map<string, number>(); // per kind until when, or per project that is ahead
  let earlier = 0; // by how much push was, of the poll that waits for its audit
  const audit = createTimer(env, () => {
    if (!connection.trusted()) return;
    const found = versions.unannounced();
    saw(true, earlier, found);
    report(undefined, found);
  });

  function saw(news: boolean, lead: number, found: [project: string, version: number][] = []) {
    // Elsewhere push would not have saved a poll.
    if (versions.covered()) shadow?.(Object.keys(versions.shown()), news, lead, found.map(([id]) => id));
  }

  function report(kind: string | undefined, found: [project: string, version: number, named?: number][], key = kind!) {
    if (!found.length || env.now() < (quiet.get(key) ?? 0)) return;
    quiet.set(key, env.now() + Ms.Quiet);
    for (const [project, version, named] of found) {
      if (!kind) missed();
      connection.report({ project, version, named, kind });
    }
  }

  return {
    report,
    /**
     * A poll was answered. `safety`: only its interval had caused it, and a stream was trusted when it began. `lead`: for how
     * long push has known of something that the page did not have.
     */
    answered(safety: boolean, lead: number) {
      // A poll that comes before the audit of the last one is not judged: at a short interval none ever would be.
      if (safety && audit.at === Infinity) {
        earlier = versions.owes() ? 0 : lead; // what it found is not what push told of
        if (versions.gained()) audit.set(env.now() + Ms.Grace * between(env.random(), 1, 2));
        else saw(false, lead);
      }
      // The gateway names each to its operator, who fixes them one by one.
      for (const ahead of versions.ahead()) report('ahead', [ahead], `ahead ${ahead[0]}`);
    },
    stop() {
      audit.set(Infinity);
    },
  };
}
