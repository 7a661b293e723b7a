/**
 * Writes news into the outbox, in the transaction in which `query` runs.
 * @param {Query} query @param {Dialect} dialect @param {string | number | bigint} id @param {number | bigint} version
 */
export function addToOutbox(query: Query, dialect: Dialect, id: string | number | bigint, version: number | bigint): Promise<void>;
export namespace outboxSql {
    let postgresql: string;
    let mysql: string;
    let sqlite: string;
}
/** Publishes the rows of the outbox and deletes them. Any number of relays may run. */
export class Relay {
    /**
     * @param {import('./client.js').Nudge} nudge
     * @param {{ dialect: Dialect, transaction: (work: (query: Query) => Promise<number>) => Promise<number> }} database
     *   `transaction` runs `work` in a transaction, commits if it resolves, and rolls back if it rejects
     */
    constructor(nudge: import("./client.js").Nudge, { dialect, transaction }: {
        dialect: Dialect;
        transaction: (work: (query: Query) => Promise<number>) => Promise<number>;
    });
    /** Publishes up to 100 rows and gives how many. If Redis fails it rejects, and the rows stay. @returns {Promise<number>} */
    runOnce(): Promise<number>;
    /** Publishes until `stop` is called. */
    run(): Promise<void>;
    /** Makes `run` return. */
    stop(): void;
    #private;
}
export type Dialect = "postgresql" | "mysql" | "sqlite";
/**
 * runs SQL and gives the rows
 */
export type Query = (sql: string, values: any[]) => Promise<any[]> | any[];
