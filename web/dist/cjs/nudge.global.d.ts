import { createNudge } from './nudge.js';
import type { Nudge, PollContext, PollResult } from './nudge.js';
/**
 * Asks the page for a poll: `nudge:poll` on the document, with the context as `detail`. Whoever listens hands the promise of
 * its result to `waitUntil` before it returns; several may, each for its own projects.
 */
export interface PollEvent extends CustomEvent<PollContext> {
    waitUntil(result: Promise<PollResult | undefined | void> | PollResult): void;
}
declare global {
    var Nudge: {
        readonly createNudge: typeof createNudge;
        /** What the attributes of the script element started, if they did. */
        readonly page: Nudge | undefined;
    };
    interface DocumentEventMap {
        'nudge:poll': PollEvent;
    }
}
