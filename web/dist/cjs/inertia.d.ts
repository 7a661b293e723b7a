import type { EveryOptions, Nudge, Options } from './nudge.js';
/** The part of Inertia's router in use. */
export interface Router {
    poll(ms: number, request?: any, options?: any): {
        start(): void;
        stop(): void;
        destroy?(): void;
    };
    reload(options?: any): void;
}
/** The third argument of `usePoll` and `router.poll`: the poll is for these projects. It is polled by Nudge then. */
export declare function nudged(projects: EveryOptions['projects'], options?: {
    readonly autoStart?: boolean;
}): {
    autoStart?: boolean;
};
/**
 * From now on, Nudge makes the polls of this router that are `nudged`, in the place of Inertia: at their own pace, rarely while
 * push is proven, and at once for news of their projects. With options instead of an instance, one is created for the first
 * poll. To be called before the application is created. Returns the undo.
 */
export declare function nudgeRouter(router: Router, nudge?: Nudge | Options): () => void;
