import { stretched } from './chance.js';
import type { Clock } from './clock.js';
import type { Finding, Ledger } from './ledger.js';
import type { Env, PollContext } from './types.js';

const enum Ms {
  /** News may be as late as this, or twice this, before it counts as missed: it is published after the commit that a poll sees. */
  Grace = 2000,
  /** For this long after a report the page is silent. */
  Quiet = 300_000,
}

/**
 * What safety polls are for, besides the page: each one that finds what the stream should have announced tells that push
 * fails somewhere. Gives what is to be called with what such a poll had asked for, once it is answered.
 */
export function createAudit(
  { now, random }: Env,
  clock: Clock,
  ledger: Ledger,
  /** Whether the page relies on push. */
  trusted: () => boolean,
  report: (finding: Finding) => void,
): (asked: PollContext['projects']) => void {
  const grace = clock.alarm();
  let quiet = 0; // until when nothing is reported

  return (asked) => {
    const found = ledger.gained(asked);
    grace.set(stretched(random, Ms.Grace, 1), () => {
      if (!trusted() || now() < quiet) return;
      for (const finding of ledger.unheard(found)) {
        quiet = now() + Ms.Quiet;
        report(finding);
      }
    });
  };
}
