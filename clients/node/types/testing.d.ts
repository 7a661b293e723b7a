/**
 * A client for the application's tests: it keeps what was published, and never touches a network.
 *
 *     const nudge = new FakeNudge()
 *     …
 *     assert.deepEqual(nudge.published, [['42', 124]])
 */
export class FakeNudge extends Nudge {
    /** @param {Partial<import('./client.js').Options>} [options] */
    constructor(options?: Partial<import("./client.js").Options>);
    /** @type {[string, number][]} */
    published: [string, number][];
    /** Whether Redis is away. */
    failing: boolean;
    /** @override @param {any} id @param {any} version @param {any} [more] */
    override publishOrThrow(id: any, version: any, more?: any): Promise<boolean>;
    /** @override @param {Iterable<[any, any]>} news */
    override publishMany(news: Iterable<[any, any]>): Promise<number>;
    /** @override @param {Iterable<[any, any]>} news */
    override publishManyOrThrow(news: Iterable<[any, any]>): Promise<number>;
    /** @override @param {string[]} ids */
    override stored(ids: string[]): Promise<(string | null)[]>;
}
import { Nudge } from './client.js';
