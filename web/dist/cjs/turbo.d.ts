import type { Nudge, Options, PollContext, PollResult } from './nudge.js';
/**
 * Polls each `<turbo-frame data-nudge-every="5000" data-nudge-projects="42@123">` of the page: reloads it at its own pace in
 * ms, rarely while push is proven, and at once for news of its projects. A poll that fails leaves the frame as it is. With
 * options instead of an instance, one is created for the first frame. Returns the undo.
 */
export declare function nudgeFrames(nudge?: Nudge | Options): () => void;
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
