import type { PollContext, PollResult } from './nudge.js';
/**
 * A `poll` for createNudge: fetches the page that is shown, and lets Turbo put it in place, by morphing if the page has
 * `<meta name="turbo-refresh-method" content="morph">`.
 *
 * Not by `Turbo.session.refresh`: that leaves the page for the browser's error page when the network is away, shows the error
 * page of a server that has one, aborts a form that is being sent, and waits for a pause in the calls. Here such a poll fails,
 * and the page stays.
 *
 * `versions` tells which versions the page has then, for instance out of its own elements.
 */
export declare function pollPage(versions?: () => PollResult['versions']): (context: PollContext) => Promise<PollResult>;
