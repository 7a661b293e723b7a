/** A connection of Nudge's own to the application's Redis, with time-outs of its own. It connects at its first use. */
export class Connection {
    /** @param {any} redis a URL, a Redis or a Cluster of ioredis @param {number} timeout in ms */
    constructor(redis: any, timeout: number);
    cluster: boolean;
    /** @template T @param {(redis: any) => Promise<T>} act @returns {Promise<T>} */
    use<T>(act: (redis: any) => Promise<T>): Promise<T>;
    close(): void;
    #private;
}
