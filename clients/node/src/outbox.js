// A table of news that is committed together with the change, for who cannot lose a hint. A relay publishes its rows.

import { argv, project } from './news.js'

/**
 * @typedef {'postgresql' | 'mysql' | 'sqlite'} Dialect
 * @typedef {(sql: string, values: any[]) => Promise<any[]> | any[]} Query runs SQL and gives the rows
 */

/** SQL that makes the table. */
export const outboxSql = {
  postgresql:
    'CREATE TABLE nudge_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now())',
  mysql:
    'CREATE TABLE nudge_outbox (id bigint AUTO_INCREMENT PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)',
  sqlite:
    'CREATE TABLE nudge_outbox (id integer PRIMARY KEY AUTOINCREMENT, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)',
}

const BATCH = 100
const IDLE = 1000 // ms between two looks at an empty table
const LONGEST = 30_000 // ms to wait after failures

/**
 * Writes news into the outbox, in the transaction in which `query` runs.
 * @param {Query} query @param {Dialect} dialect @param {string | number | bigint} id @param {number | bigint} version
 */
export async function addToOutbox(query, dialect, id, version) {
  const values = dialect === 'postgresql' ? '$1, $2' : '?, ?'
  await query(`INSERT INTO nudge_outbox (project, version) VALUES (${values})`, [project(id), argv(version)[0]])
}

/** Publishes the rows of the outbox and deletes them. Any number of relays may run. */
export class Relay {
  #nudge
  #dialect
  #transaction
  #stop = new AbortController()

  /**
   * @param {import('./client.js').Nudge} nudge
   * @param {{ dialect: Dialect, transaction: (work: (query: Query) => Promise<number>) => Promise<number> }} database
   *   `transaction` runs `work` in a transaction, commits if it resolves, and rolls back if it rejects
   */
  constructor(nudge, { dialect, transaction }) {
    this.#nudge = nudge
    this.#dialect = dialect
    this.#transaction = transaction
  }

  /** Publishes up to 100 rows and gives how many. If Redis fails it rejects, and the rows stay. @returns {Promise<number>} */
  runOnce() {
    const lock = this.#dialect === 'sqlite' ? '' : ' FOR UPDATE SKIP LOCKED' // relays do not wait for each other
    return this.#transaction(async (query) => {
      const rows = await query(`SELECT id, project, version FROM nudge_outbox ORDER BY id LIMIT ${BATCH}${lock}`, [])
      if (rows.length === 0) return 0
      /** @type {Map<string, number>} */
      const highest = new Map()
      for (const row of rows) {
        try {
          highest.set(project(row.project), Math.max(highest.get(row.project) ?? 0, Number(argv(Number(row.version))[0])))
        } catch (error) {
          // A row that can never be published must not hold up the others.
          this.#nudge.logger.warn(`nudge: row ${row.id} of nudge_outbox is dropped: ${error instanceof Error ? error.message : error}`)
        }
      }
      await this.#nudge.publishManyOrThrow(highest)
      const marks = rows.map((_, i) => (this.#dialect === 'postgresql' ? `$${i + 1}` : '?'))
      await query(`DELETE FROM nudge_outbox WHERE id IN (${marks.join(', ')})`, rows.map((row) => row.id))
      return rows.length
    })
  }

  /** Publishes until `stop` is called. */
  async run() {
    const { signal } = this.#stop
    let failures = 0
    while (!signal.aborted) {
      let pause = IDLE
      try {
        pause = (await this.runOnce()) < BATCH ? IDLE : 0
        failures = 0
      } catch (error) {
        if (failures++ === 0) this.#nudge.logger.warn(`nudge: the relay failed and tries again: ${error instanceof Error ? error.message : error}`)
        pause = Math.min(IDLE * 2 ** (failures - 1), LONGEST)
      }
      if (signal.aborted) return
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, pause)
        signal.addEventListener('abort', () => (clearTimeout(timer), resolve(undefined)), { once: true })
      })
    }
  }

  /** Makes `run` return. */
  stop() {
    this.#stop.abort()
  }
}
