import type { Nudge, Options, Versions } from './nudge.js';
/** The options of `createNudge`, and where to find it. */
export interface LoaderOptions extends Omit<Options, 'projects'> {
    /** The projects on the page, each with the version it was rendered at. */
    readonly projects?: Versions;
    /** The URL of nudge.js. The gateway is the folder that it is in, unless `gateway` says otherwise. */
    readonly src: string;
}
declare global {
    /**
     * Polls at the page's own interval until nudge.js can be loaded, however long that takes. Then `createNudge` goes on, with
     * these options and the versions that the page has by then. Gives its instance; nothing if the signal was aborted before.
     * Never rejects.
     */
    var nudge: (options: LoaderOptions) => Promise<Nudge | undefined>;
}
