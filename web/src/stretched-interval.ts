import type { Connection } from './connection.js';
import type { Versions } from './poll-needed.js';

/** How one poll of the page is paced. */
export interface Paced {
  /** Its own interval, as `every` gives it. Without it the gateway's counts. */
  readonly own?: number | undefined;
  /** In shadow the page polls as if there were no push. */
  readonly shadow: boolean;
  /** The least interval now: more than 0 while the page is hidden. */
  least(): number;
}

/**
 * How often to poll now. `fast` is the interval without push, `allowed` the one that push allows, `interval` the one in force. An
 * own interval is stretched by the factor by which push stretches the gateway's.
 */
export function pollPace(connection: Connection, versions: Versions, { own, shadow, least }: Paced) {
  const { fast: named, factor, jitter, gap } = connection.now;
  const fast = own ?? named;
  // Without projects there is no news: then no pace is slower than the poll's own.
  const pushed = !versions.covered() ? fast : own === undefined ? (connection.rare() ?? fast) : own * factor;
  const allowed = Math.min(pushed, fast * versions.patience());
  return { interval: Math.max(shadow ? fast : allowed, least()), allowed, fast, jitter, gap };
}
