import type { TabsEnv } from './shared-env.js';

/** One tab's part in electing a leader among the tabs of one name. */
export interface Election {
  /** Whether this tab is the leader. */
  readonly won: boolean;
  /** Stands for election from now on. */
  enter(): void;
  /** Stands no more, and leads no more. With `ms`: it enters again after so long. */
  leave(ms?: number): void;
}

/**
 * Elects a leader by a Web Lock: the tab that holds the lock of this name leads, and the others wait for the lock. If its
 * holder closes or crashes, the browser gives it to the next. It is never stolen. A page must release it before it sleeps,
 * because a page in the back/forward cache would keep it.
 */
export function createElection(env: TabsEnv, name: string, elected: () => void, failed: () => void): Election {
  let candidacy: AbortController | undefined;
  let timer: unknown;

  const election = {
    won: false,
    enter() {
      if (candidacy) return;
      env.clearTimeout(timer);
      const { signal } = (candidacy = new AbortController());
      const lead = (release: () => void) => {
        signal.addEventListener('abort', release);
        if (signal.aborted) return release();
        election.won = true;
        elected();
      };
      const asked = async () => env.navigator!.locks!.request(name, { signal }, () => new Promise<void>(lead));
      asked().catch(() => signal.aborted || failed());
    },
    leave(ms?: number) {
      env.clearTimeout(timer);
      candidacy?.abort();
      candidacy = undefined;
      election.won = false;
      if (ms) timer = env.setTimeout(election.enter, ms);
    },
  };
  return election;
}
