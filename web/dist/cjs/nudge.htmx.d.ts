import type { Nudge, Options } from './nudge.js';
/**
 * Polls each element with `hx-trigger="every 5s"` that is in an element with `data-nudge-projects="42@123"`, in the place of
 * htmx: at its own pace, rarely while push is proven, and at once for news of its projects. With options instead of an
 * instance, one is created for the first element. To be called before htmx has read the page, else with htmx. Returns the undo.
 */
export declare function nudgeHtmx(nudge?: Nudge | Options, htmx?: any): () => void;
