import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Connection } from './connection.js'
import { Invalid, short, Unavailable } from './errors.js'
import { argv, project } from './news.js'
import { secretBytes, sign } from './token.js'

const SCRIPT = readFileSync(new URL('publish.lua', import.meta.url), 'utf8')
const SHA = createHash('sha1').update(SCRIPT).digest('hex')
const PREFIX = /^[A-Za-z0-9._~:-]{0,63}[A-Za-z0-9._~-]$/

/** A poll waits so long for Redis before it goes to the application, in ms. */
const POLL_TIMEOUT = 100

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
  #publisher
  #reader
  #secret
  #expire
  #issuer
  #audience

  /** @param {Options} options @throws {Invalid} names the option and the fix */
  constructor({ redis, prefix = 'nudge', secret, issuer, audience = 'nudge', expire = 0, timeout = 1000, slow = 300, logger = console }) {
    if (typeof prefix !== 'string' || !PREFIX.test(prefix)) throw new Invalid(`prefix: ${short(prefix)}; give redis.prefix of the gateway, such as nudge`)
    if (!Number.isInteger(expire) || expire < 0) throw new Invalid(`expire: ${short(expire)}; give whole seconds, or 0 for never`)
    for (const [name, value] of Object.entries({ timeout, slow })) {
      if (typeof value !== 'number' || !(value > 0)) throw new Invalid(`${name}: ${short(value)}; give ${name === 'slow' ? 'seconds' : 'milliseconds'}, more than 0`)
    }
    this.prefix = prefix
    this.slow = slow
    this.logger = logger
    this.#secret = secret === undefined ? undefined : secretBytes(secret)
    this.#expire = String(expire)
    this.#issuer = issuer
    this.#audience = audience ?? undefined
    this.#publisher = new Connection(redis, timeout)
    this.#reader = new Connection(redis, Math.min(timeout, POLL_TIMEOUT))
  }

  /** The bytes that sign. @returns {Buffer} */
  get secret() {
    if (!this.#secret) throw new Invalid("secret: not set; give the gateway's auth.secret")
    return this.#secret
  }

  /**
   * Stores and announces a version. true: done. false: Redis has the same or a newer version, or it failed, and the log says so.
   * It never rejects, since the change is committed.
   * @param {Id} id @param {number | bigint} version @param {More} [more] @returns {Promise<boolean>}
   */
  async publish(id, version, more) {
    try {
      return await this.publishOrThrow(id, version, more)
    } catch (error) {
      this.#failed(error, [[id, version]])
      return false
    }
  }

  /**
   * The same, for scripts: rejects with Invalid or Unavailable.
   * @param {Id} id @param {number | bigint} version @param {More} [more] @returns {Promise<boolean>}
   */
  async publishOrThrow(id, version, more) {
    return (await this.#deliver([this.#call(id, version, more)])) === 1
  }

  /**
   * Publishes together, and gives how many were announced. It never rejects.
   * @param {Iterable<[Id, number | bigint]>} news @returns {Promise<number>}
   */
  async publishMany(news) {
    const list = [...news]
    const good = list.flatMap(([id, version]) => {
      try {
        return [this.#call(id, version)]
      } catch (error) {
        this.#failed(error, [[id, version]])
        return []
      }
    })
    try {
      return await this.#deliver(good)
    } catch (error) {
      this.#failed(error, list)
      return 0
    }
  }

  /** @param {Iterable<[Id, number | bigint]>} news @returns {Promise<number>} */
  async publishManyOrThrow(news) {
    return this.#deliver([...news].map(([id, version]) => this.#call(id, version)))
  }

  /**
   * Runs `work`, usually a transaction, and publishes what it said by `changed(project, version)` once it has returned: each
   * project once, at its highest version. If it throws, nothing is published.
   * @template T @param {(changed: (id: Id, version: number | bigint) => void) => Promise<T>} work @returns {Promise<T>}
   */
  async transaction(work) {
    /** @type {Map<string, number>} */
    const highest = new Map()
    const result = await work((id, version) => {
      argv(version) // a mistake is told before anything is committed
      const name = project(id)
      highest.set(name, Math.max(highest.get(name) ?? 0, Number(version)))
    })
    await this.publishMany(highest)
    return result
  }

  /**
   * A token by which a user may watch projects: ids, and patterns such as 'team-*'. ttl: seconds that it is valid. publish: what
   * it may publish through a gateway.
   * @param {Id} user @param {Id[]} projects @param {{ ttl?: number, publish?: Id[], claims?: object }} [options]
   * @returns {string} @throws {Invalid}
   */
  tokenFor(user, projects, options = {}) {
    return sign(this.secret, user, projects, { ...options, issuer: this.#issuer, audience: this.#audience })
  }

  /** What is stored of projects, in their order; null: nothing. Rejects if Redis fails. @param {string[]} ids */
  stored(ids) {
    const keys = ids.map((id) => this.#key(id))
    return this.#reader.use(async (redis) => (this.#reader.cluster ? Promise.all(keys.map((key) => redis.get(key))) : redis.mget(...keys)))
  }

  /** Ends the connections, so that a program can end. */
  close() {
    this.#publisher.close()
    this.#reader.close()
  }

  /** @param {unknown} id */
  #key(id) {
    return `${this.prefix}:{${project(id)}}`
  }

  /** @param {Id} id @param {number | bigint} version @param {More} [more] */
  #call(id, version, more) {
    return [this.#key(id), ...argv(version, more ?? {}), this.#expire]
  }

  /** Runs the script for each call, and gives how many were announced. @param {string[][]} calls */
  async #deliver(calls) {
    if (calls.length === 0) return 0
    return this.#publisher.use(async (redis) => {
      let announced = await run(redis, calls[0]) // brings the script, so that the others find it
      for (const number of await Promise.all(calls.slice(1).map((call) => run(redis, call)))) announced += number
      return announced
    })
  }

  /** @param {unknown} error @param {[unknown, unknown][]} news */
  #failed(error, news) {
    try {
      const shown = news.slice(0, 10).map(([id, version]) => `version ${short(version)} of project ${short(id)}`)
      if (news.length > 10) shown.push(`${news.length - 10} more`)
      const fix = error instanceof Unavailable ? '; look whether Redis runs, and whether the option redis names it' : ''
      this.logger.warn(`nudge: not announced: ${shown.join(', ')}; pages find the change at their next poll: ${error instanceof Error ? error.message : error}${fix}`)
    } catch {
      // A log that cannot be written must not break a request either.
    }
  }
}

/** @param {import('ioredis').Redis} redis @param {string[]} call @returns {Promise<number>} */
async function run(redis, call) {
  try {
    return Number(await redis.evalsha(SHA, 1, ...call))
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return Number(await redis.eval(SCRIPT, 1, ...call))
  }
}
