import type { Nudge, Options } from './nudge.js';
/** An instance for the tests of an application. */
export interface FakeNudge extends Nudge {
    /** Push announces a version. Resolves when the page has polled for it, if it does. */
    announce(project: string | number, version: number): Promise<void>;
    /** Lets the time of this instance pass: the polls that are due meanwhile are made, and awaited. */
    pass(ms: number): Promise<void>;
    /** Push breaks: from now on the page polls at its old pace. */
    breakPush(): void;
    /** Push works again, and the page has noticed: a minute of its time passes. */
    restorePush(): Promise<void>;
}
/**
 * Takes the place of `createNudge` in tests. It calls `poll` as a page does, with push that works, but there is no network, and
 * no timer: time passes, and news comes, when the test says so.
 */
export declare function createNudge(options: Options): FakeNudge;
