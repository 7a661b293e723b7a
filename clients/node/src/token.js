import { createHmac } from 'node:crypto'
import { Invalid, short } from './errors.js'
import { project } from './news.js'

const SHORTEST = 32
const LONGEST_LIFE = 366 * 24 * 3600
const OWN = ['sub', 'subscribe', 'publish', 'iat', 'exp', 'iss', 'aud']

/** The bytes of a secret as the gateway reads auth.secret. @param {unknown} text @returns {Buffer} */
export function secretBytes(text) {
  let bytes = Buffer.isBuffer(text) ? text : typeof text === 'string' ? Buffer.from(text) : undefined
  if (!bytes) throw new Invalid("secret: not a text; give the gateway's auth.secret")
  if (typeof text === 'string' && text.startsWith('base64:')) {
    const encoded = text.slice(7).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
    bytes = Buffer.from(encoded, 'base64url')
    if (bytes.toString('base64url') !== encoded) throw new Invalid('secret: not base64 after base64:; write what openssl rand -base64 32 prints')
  } else if (typeof text === 'string' && text.trim() !== text) {
    throw new Invalid('secret: white space or a line break around it; remove it, since the gateway signs without it')
  }
  if (bytes.length < SHORTEST) throw new Invalid(`secret: ${bytes.length} bytes long, and ${SHORTEST} are the least; make one with openssl rand -hex 32`)
  return bytes
}

/**
 * A JWT with HS256.
 * @param {Buffer} secret @param {string | number | bigint} user @param {(string | number | bigint)[]} projects
 * @param {{ ttl?: number, publish?: (string | number | bigint)[], claims?: object, issuer?: string, audience?: string }} options
 */
export function sign(secret, user, projects, { ttl = 3600, publish = [], claims = {}, issuer, audience }) {
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > LONGEST_LIFE) throw new Invalid(`ttl: ${short(ttl)}; give whole seconds from 1 to ${LONGEST_LIFE}`)
  const taken = Object.keys(claims).find((name) => OWN.includes(name))
  if (taken) throw new Invalid(`claims: ${taken} is set by tokenFor itself; leave it out`)
  const now = Math.floor(Date.now() / 1000)
  const all = { sub: subject(user), subscribe: patterns('projects', projects), iat: now, exp: now + ttl, iss: issuer, aud: audience, ...claims }
  if (publish.length > 0) Object.assign(all, { publish: patterns('publish', publish) })
  const input = [{ alg: 'HS256', typ: 'JWT' }, all].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** @param {unknown} user */
function subject(user) {
  const text = typeof user === 'bigint' || Number.isSafeInteger(user) ? String(user) : user
  if (typeof text === 'string' && text !== '') return text
  throw new Invalid(`user: ${short(user)}; give the user's id, an integer or a text that is not empty`)
}

/** Ids of projects, or beginnings of ids with * after them. @param {string} field @param {unknown} list */
function patterns(field, list) {
  if (!Array.isArray(list)) throw new Invalid(`${field}: ${short(list)}; give a list of ids and patterns such as team-*`)
  return list.map((entry) => {
    if (typeof entry !== 'string') return project(entry)
    if (entry !== '*') project(entry.replace(/\*$/, ''))
    return entry
  })
}
