import { Redis } from 'ioredis'
import { Invalid, short, Unavailable } from './errors.js'

/** After a failure, calls fail at once for so long; then one call tries again. In ms. */
const PAUSE = 1000

/** A connection of Nudge's own to the application's Redis, with time-outs of its own. It connects at its first use. */
export class Connection {
  #redis
  #secrets
  #timeout
  #notBefore = 0

  /** @param {any} redis a URL, a Redis or a Cluster of ioredis @param {number} timeout in ms */
  constructor(redis, timeout) {
    const options = {
      connectTimeout: timeout,
      commandTimeout: timeout,
      maxRetriesPerRequest: 1,
      retryStrategy: (/** @type {number} */ times) => Math.min(50 * times, PAUSE),
      lazyConnect: true,
      keyPrefix: '', // it would move key and channel to where no gateway listens
    }
    this.#timeout = timeout
    this.cluster = !!redis?.isCluster
    if (typeof redis === 'string' && /^(rediss?|unix):\/\//.test(redis)) this.#redis = new Redis(redis.replace(/^unix:\/\//, ''), options)
    else if (this.cluster) this.#redis = redis.duplicate([], { keyPrefix: '', lazyConnect: true, redisOptions: { ...redis.options.redisOptions, ...options } })
    else if (typeof redis?.duplicate === 'function') this.#redis = redis.duplicate(options)
    else throw new Invalid(`redis: ${typeof redis === 'string' ? 'not a URL such as redis://127.0.0.1:6379' : short(redis && typeof redis)}; give a URL, or a Redis or Cluster of ioredis`)
    this.#secrets = [this.#redis.options?.password, this.#redis.options?.redisOptions?.password].filter(Boolean)
    this.#redis.on('error', () => {}) // each call tells of its own
  }

  /** @template T @param {(redis: any) => Promise<T>} act @returns {Promise<T>} */
  async use(act) {
    const now = performance.now()
    if (now < this.#notBefore) throw new Unavailable('Redis failed less than a second ago')
    if (this.#notBefore) this.#notBefore = now + PAUSE + this.#timeout // the others wait for what this call finds
    try {
      const result = await act(this.#redis)
      this.#notBefore = 0
      return result
    } catch (error) {
      const said = /** @type {Error} */ (error)
      this.#notBefore = said.name === 'ReplyError' ? 0 : performance.now() + PAUSE // who replies is there
      throw new Unavailable(this.#harmless(String(said?.message ?? error)))
    }
  }

  close() {
    this.#redis.disconnect()
  }

  /** A message without passwords. @param {string} message */
  #harmless(message) {
    const cut = message.replace(/(\w+:\/\/)[^@\s]*@/g, '$1…@')
    return this.#secrets.reduce((text, secret) => text.replaceAll(secret, '…'), cut)
  }
}
