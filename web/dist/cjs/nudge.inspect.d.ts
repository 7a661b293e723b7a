import type { Nudge } from './nudge.js';
export interface InspectOptions {
    /** What the overlay is put into; it is shown in the corner of the window all the same. Default: the root element. */
    readonly parent?: Node;
    /** Open from the start. */
    readonly open?: boolean;
    /** Tells several instances apart. Default: Nudge. */
    readonly name?: string;
}
/**
 * Shows what `nudge` does in a small overlay, for those who look into a page; gives the undo. The overlay has a shadow root,
 * needs no leave of a content security policy, only looks, and never throws: where it cannot be shown, as on a server, nothing
 * happens.
 */
export declare function inspect(nudge: Nudge, options?: InspectOptions): () => void;
