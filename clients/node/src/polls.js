import { Invalid, short, Unavailable } from './errors.js'
import { project, version } from './news.js'
import { makeValidator, readValidator } from './validator.js'

/** @typedef {import('node:http').IncomingMessage & { originalUrl?: string }} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {import('./client.js').Nudge} Nudge */

const HEADER = 'X-Nudge-Version'
const FUTURE = 5 // seconds that the clock of another server may be ahead
const PRIVATE = 'private, no-cache'

/** In Vary: other bytes of the same answer, what identity has, CORS. */
const HARMLESS = ['', 'accept-encoding', 'cookie', 'origin']

/** What Express makes of a body by itself (its setting "etag"). */
const OF_EXPRESS = /^(W\/)?"[0-9a-f]+-[A-Za-z0-9+/]{27}=?"$/

/**
 * Says which versions an answer has: before it is sent.
 * @param {{ setHeader?: Function, header?: Function }} response of Node, Express or Fastify
 * @param {Record<string, number | bigint> | [string | number | bigint, number | bigint][]} versions
 */
export function answered(response, versions) {
  const pairs = Array.isArray(versions) ? versions : Object.entries(versions)
  const text = pairs.map(([id, number]) => `${project(id)}=${version(number)}`).join(', ')
  if (response.setHeader) response.setHeader(HEADER, text)
  else response.header?.(HEADER, text)
}

/**
 * Middleware for Express, Connect and node:http that answers 304 to a poll whose client has the stored versions already, before
 * session, database and view. Use it first.
 *
 *     app.use(polls(nudge, { identity: ['cookie:connect.sid', 'header:authorization'] }))
 *
 * identity names the cookies and headers that decide who asks, so that nobody gets the answer of somebody else.
 * @param {Nudge} nudge @param {{ identity: string[] }} options @throws {Invalid}
 */
export function polls(nudge, { identity }) {
  if (!Array.isArray(identity) || identity.length === 0) throw new Invalid("identity: empty; name what decides who asks, such as ['cookie:connect.sid', 'header:authorization']")
  const wrong = identity.find((name) => !/^(cookie|header):[^\s=;,]+$/.test(name))
  if (wrong !== undefined) throw new Invalid(`identity: ${short(wrong)}; write cookie:NAME or header:NAME`)
  const names = identity.map((name) => (name.startsWith('header:') ? name.toLowerCase() : name))
  void nudge.secret // throws if there is none
  const logged = new Set()

  /** @param {string} about @param {() => string} text */
  function logOnce(about, text) {
    if (logged.has(about)) return
    logged.add(about)
    try {
      nudge.logger.warn(`nudge: ${text()}`)
    } catch {
      // A log that cannot be written must not break a request.
    }
  }

  /**
   * Who asks, after the cookies that this answer sets; undefined: a cookie is there twice, as a page of a sister host can set one,
   * and nobody knows which one the application takes.
   * @param {Request} request @param {string[]} [set] @returns {[string, string][] | undefined}
   */
  function whoAsks(request, set = []) {
    const who = /** @type {[string, string][]} */ ([])
    for (const name of names) {
      const key = name.slice(7)
      const values = name.startsWith('header:') ? [String(request.headers[key] ?? '')] : cookies(request.headers.cookie ?? '', key)
      if (values.length > 1) return undefined
      who.push([name, (name.startsWith('header:') ? undefined : newCookie(set, key)) ?? values[0] ?? ''])
    }
    return who
  }

  /** The ETag of a client that has what is stored, else undefined. @param {Request} request */
  async function unchanged(request) {
    const header = request.headers['if-none-match']
    if (!header?.includes('nudge1.') || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined
    try {
      const who = whoAsks(request)
      const found = who && readValidator(nudge.secret, header, path(request), who)
      const age = found && Math.floor(Date.now() / 1000) - found.time
      if (!found || age === undefined || age < -FUTURE || age > nudge.slow) return undefined
      const stored = await nudge.stored(found.versions.map(([id]) => id))
      return stored.every((/** @type {string | null} */ text, /** @type {number} */ i) => text === found.versions[i][1]) ? found.etag : undefined
    } catch (error) {
      if (!(error instanceof Unavailable)) logOnce('unchanged', () => `a poll goes to the application: ${error}`)
      return undefined
    }
  }

  /** Gives an answer that says which versions it has its validator. @param {Request} request @param {Response} response */
  function finish(request, response) {
    if (!response.hasHeader(HEADER)) return
    const said = String(response.getHeader(HEADER))
    response.removeHeader(HEADER)
    const etag = response.getHeader('ETag')
    const control = String(response.getHeader('Cache-Control') ?? '').toLowerCase()
    if (response.statusCode !== 200 || request.method !== 'GET' || response.hasHeader('Last-Modified')) return
    if ((etag !== undefined && !OF_EXPRESS.test(String(etag))) || control.includes('no-store')) return
    if (/public|s-maxage/.test(control)) {
      logOnce('public', () => `${path(request)} says Cache-Control: ${control}, so its answers get no validator; remove public and s-maxage`)
      return
    }
    // A browser that has JSON of a path sends its validator also when it navigates there.
    const others = [response.getHeader('Vary') ?? ''].flat().join().toLowerCase().split(/[\s,]+/).filter((name) => !HARMLESS.includes(name) && !names.includes(`header:${name}`))
    if (others.length > 0) {
      logOnce('vary', () => `${path(request)} answers by ${others.join(', ')}, so its answers get no validator; add header:${others[0]} to identity`)
      return
    }
    const set = /** @type {string[]} */ ([response.getHeader('Set-Cookie') ?? []].flat().map(String))
    const who = whoAsks(request, set)
    const validator = who && makeValidator(nudge.secret, Math.floor(Date.now() / 1000), marks(said), path(request), who)
    if (!validator) return
    response.setHeader('ETag', validator)
    if (!control) response.setHeader('Cache-Control', PRIVATE)
  }

  /** @param {Request} request @param {Response} response @param {(error?: unknown) => void} next */
  return async function nudgePolls(request, response, next) {
    const etag = await unchanged(request)
    if (etag !== undefined) {
      response.writeHead(304, { ETag: etag, 'Cache-Control': PRIVATE })
      response.end()
      return
    }
    const writeHead = response.writeHead
    // Node calls it for each answer, also where the application does not, and headers may come with the call.
    response.writeHead = function nudgeWriteHead(/** @type {any[]} */ ...args) {
      response.writeHead = writeHead
      try {
        const headers = typeof args.at(-1) === 'object' ? args.pop() : undefined
        response.statusCode = args[0]
        for (const [name, value] of pairs(headers)) response.setHeader(name, value)
        finish(request, response)
      } catch (error) {
        response.removeHeader(HEADER)
        logOnce('finish', () => `an answer gets no validator: ${error}`)
      }
      return writeHead.apply(response, /** @type {any} */ (args))
    }
    next()
  }
}

/** The path as the client sent it, without the query. @param {Request} request */
function path(request) {
  return (request.originalUrl ?? request.url ?? '').replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}

/** Those of a header such as "42=124, 43=9". @param {string} text @returns {[string, string][]} */
function marks(text) {
  return text.split(',').map((mark) => {
    const [id, number] = mark.trim().split('=')
    if (!/^\d{1,16}$/.test(number ?? '')) throw new Invalid(`${HEADER}: ${short(text)}; write 42=124, 43=9`)
    return [project(id), version(Number(number))]
  })
}

/** The headers of a call of writeHead: an object, or a flat list. @param {any} headers @returns {[string, any][]} */
function pairs(headers) {
  if (!headers) return []
  if (!Array.isArray(headers)) return Object.entries(headers)
  if (Array.isArray(headers[0])) return headers
  return headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []))
}

/** @param {string} header @param {string} name */
function cookies(header, name) {
  const all = header.split(';').map((pair) => pair.trim())
  return all.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
}

/** What the answer sets a cookie to; undefined: nothing. @param {string[]} set @param {string} name */
function newCookie(set, name) {
  const line = set.findLast((text) => text.startsWith(`${name}=`))
  if (line === undefined) return undefined
  const [pair, ...attributes] = line.split(';').map((part) => part.trim())
  const gone = attributes.some((attribute) => {
    const [key, value = ''] = attribute.split('=')
    if (key.toLowerCase() === 'max-age') return Number(value) <= 0
    return key.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
  })
  return gone ? '' : pair.slice(name.length + 1)
}
