import type { EveryOptions, Nudge, Options, PollResult } from '../nudge.js';
import { lease, value } from './lease.js';

/** The part of Inertia's router in use. */
export interface Router {
  poll(ms: number, request?: any, options?: any): { start(): void; stop(): void; destroy?(): void };
  reload(options?: any): void;
}

/** The third argument of `usePoll` and `router.poll`: the poll is for these projects. It is polled by Nudge then. */
export function nudged(projects: EveryOptions['projects'], options: { readonly autoStart?: boolean } = {}): { autoStart?: boolean } {
  return Object.assign({}, options, { projects });
}

/**
 * From now on, Nudge makes the polls of this router that are `nudged`, in the place of Inertia: at their own pace, rarely while
 * push is proven, and at once for news of their projects. With options instead of an instance, one is created for the first
 * poll. To be called before the application is created. Returns the undo.
 */
export function nudgeRouter(router: Router, nudge: Nudge | Options = {}): () => void {
  const [every, end] = lease(nudge);
  const { poll } = router;
  router.poll = (ms, request = {}, options = {}) => {
    const { projects, autoStart = true } = options;
    if (projects === undefined) return poll.call(router, ms, request, options);
    let over: (() => void) | undefined;
    const stop = () => {
      over?.();
      over = undefined;
    };
    const start = () => {
      over ??= every(ms, () => reload(router, value(request, undefined)), { projects });
    };
    if (autoStart) start();
    return { start, stop, destroy: stop };
  };
  return () => {
    router.poll = poll;
    end();
  };
}

function reload(router: Router, request: any): Promise<PollResult | void> {
  return new Promise((resolve, reject) => {
    let good = false;
    let failure: unknown = new Error('no answer');
    /** The application's own callback, and ours. */
    const also = (name: string, act: (what: any) => unknown) => ({
      [name](what: any) {
        const own = request[name]?.(what);
        return act(what) ?? own;
      },
    });
    // Inertia would show an error page in a dialog, although the user has asked for nothing.
    const failed = (why: unknown) => {
      failure = why;
      return false;
    };
    const answered = () => {
      good = true;
    };
    router.reload({
      poll: true,
      preserveErrors: true,
      ...request,
      ...also('onSuccess', answered),
      ...also('onError', answered), // that of a form, which the page shows
      ...also('onHttpException', ({ status, headers }) => failed({ status, headers: new Headers(headers) })),
      ...also('onNetworkError', failed),
      ...also('onFinish', () => (good ? resolve() : reject(failure))),
    });
  });
}
