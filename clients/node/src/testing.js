import { Nudge } from './client.js'
import { Unavailable } from './errors.js'
import { argv, project } from './news.js'

/**
 * A client for the application's tests: it keeps what was published, and never touches a network.
 *
 *     const nudge = new FakeNudge()
 *     …
 *     assert.deepEqual(nudge.published, [['42', 124]])
 */
export class FakeNudge extends Nudge {
  /** @type {[string, number][]} */
  published = []

  /** Whether Redis is away. */
  failing = false

  /** @param {Partial<import('./client.js').Options>} [options] */
  constructor(options = {}) {
    super({ redis: 'redis://127.0.0.1:1', secret: 'a secret for tests, which is long enough', logger: { warn() {} }, ...options })
  }

  /** @override @param {any} id @param {any} version @param {any} [more] */
  async publishOrThrow(id, version, more) {
    const name = project(id)
    const [digits, , reset] = argv(version, more ?? {})
    if (this.failing) throw new Unavailable('failing is set')
    const held = this.published.findLast(([of]) => of === name)?.[1]
    if (held !== undefined && held >= Number(digits) && reset !== '1') return false
    this.published.push([name, Number(digits)])
    return true
  }

  /** @override @param {Iterable<[any, any]>} news */
  async publishMany(news) {
    let announced = 0
    for (const [id, version] of news) if (await this.publish(id, version)) announced++
    return announced
  }

  /** @override @param {Iterable<[any, any]>} news */
  async publishManyOrThrow(news) {
    let announced = 0
    for (const [id, version] of news) if (await this.publishOrThrow(id, version)) announced++
    return announced
  }

  /** @override @param {string[]} ids */
  async stored(ids) {
    if (this.failing) throw new Unavailable('failing is set')
    return ids.map((id) => this.published.findLast(([of]) => of === id)?.[1].toString() ?? null)
  }
}
