/** @typedef {import('./news.js').More} More */
/** @typedef {string | number | bigint} Id */
/**
 * @typedef {object} Options
 * @property {string | import('ioredis').Redis | import('ioredis').Cluster} redis a URL, or a client of which Nudge makes its own
 *   connections, without its keyPrefix
 * @property {string} [prefix] redis.prefix of the gateway. Default: nudge
 * @property {string | Buffer} [secret] auth.secret of the gateway; for tokens and the middleware
 * @property {string} [issuer] auth.issuer of the gateway
 * @property {string | null} [audience] auth.audience of the gateway. Default: nudge
 * @property {number} [expire] seconds until keys expire; 0, the default: never
 * @property {number} [timeout] ms for connecting and for each call. Default: 1000
 * @property {number} [slow] poll.slow of the gateway in seconds. Default: 300
 * @property {{ warn(text: string): void }} [logger] Default: console
 */
/**
 * Publishes versions of projects and signs tokens.
 *
 *     const nudge = new Nudge({ redis: process.env.REDIS_URL, secret: process.env.NUDGE_AUTH_SECRET })
 *     await nudge.publish(42, 124)                 // after the commit; never rejects
 *     nudge.tokenFor(user.id, [42, 'team-*'])
 */
export class Nudge {
    /** @param {Options} options @throws {Invalid} names the option and the fix */
    constructor({ redis, prefix, secret, issuer, audience, expire, timeout, slow, logger }: Options);
    prefix: string;
    slow: number;
    logger: {
        warn(text: string): void;
    };
    /** The bytes that sign. @returns {Buffer} */
    get secret(): Buffer;
    /**
     * Stores and announces a version. true: done. false: Redis has the same or a newer version, or it failed, and the log says so.
     * It never rejects, since the change is committed.
     * @param {Id} id @param {number | bigint} version @param {More} [more] @returns {Promise<boolean>}
     */
    publish(id: Id, version: number | bigint, more?: More): Promise<boolean>;
    /**
     * The same, for scripts: rejects with Invalid or Unavailable.
     * @param {Id} id @param {number | bigint} version @param {More} [more] @returns {Promise<boolean>}
     */
    publishOrThrow(id: Id, version: number | bigint, more?: More): Promise<boolean>;
    /**
     * Publishes together, and gives how many were announced. It never rejects.
     * @param {Iterable<[Id, number | bigint]>} news @returns {Promise<number>}
     */
    publishMany(news: Iterable<[Id, number | bigint]>): Promise<number>;
    /** @param {Iterable<[Id, number | bigint]>} news @returns {Promise<number>} */
    publishManyOrThrow(news: Iterable<[Id, number | bigint]>): Promise<number>;
    /**
     * Runs `work`, usually a transaction, and publishes what it said by `changed(project, version)` once it has returned: each
     * project once, at its highest version. If it throws, nothing is published.
     * @template T @param {(changed: (id: Id, version: number | bigint) => void) => Promise<T>} work @returns {Promise<T>}
     */
    transaction<T>(work: (changed: (id: Id, version: number | bigint) => void) => Promise<T>): Promise<T>;
    /**
     * A token by which a user may watch projects: ids, and patterns such as 'team-*'. ttl: seconds that it is valid. publish: what
     * it may publish through a gateway.
     * @param {Id} user @param {Id[]} projects @param {{ ttl?: number, publish?: Id[], claims?: object }} [options]
     * @returns {string} @throws {Invalid}
     */
    tokenFor(user: Id, projects: Id[], options?: {
        ttl?: number;
        publish?: Id[];
        claims?: object;
    }): string;
    /** What is stored of projects, in their order; null: nothing. Rejects if Redis fails. @param {string[]} ids */
    stored(ids: string[]): Promise<any>;
    /** Ends the connections, so that a program can end. */
    close(): void;
    #private;
}
export type More = import("./news.js").More;
export type Id = string | number | bigint;
export type Options = {
    /**
     * a URL, or a client of which Nudge makes its own
     * connections, without its keyPrefix
     */
    redis: string | import("ioredis").Redis | import("ioredis").Cluster;
    /**
     * redis.prefix of the gateway. Default: nudge
     */
    prefix?: string | undefined;
    /**
     * auth.secret of the gateway; for tokens and the middleware
     */
    secret?: string | Buffer<ArrayBufferLike> | undefined;
    /**
     * auth.issuer of the gateway
     */
    issuer?: string | undefined;
    /**
     * auth.audience of the gateway. Default: nudge
     */
    audience?: string | null | undefined;
    /**
     * seconds until keys expire; 0, the default: never
     */
    expire?: number | undefined;
    /**
     * ms for connecting and for each call. Default: 1000
     */
    timeout?: number | undefined;
    /**
     * poll.slow of the gateway in seconds. Default: 300
     */
    slow?: number | undefined;
    /**
     * Default: console
     */
    logger?: {
        warn(text: string): void;
    } | undefined;
};
