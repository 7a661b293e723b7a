import { Invalid, short } from './errors.js'

const ID = /^[A-Za-z0-9._~:-]{1,128}$/
const MAX_DATA = 8 * 1024
const MAX_WRITER = 128

/** One version in so many carries the time, by which gateways measure how long news takes. */
const TIMED = 10

/**
 * What an application may say beside the version.
 * @typedef {object} More
 * @property {number | bigint} [prev] the version that the change was made upon
 * @property {string} [writer] a tag of the tab that made the change, at most 128 bytes
 * @property {unknown} [data] the change itself, at most 8 KiB as JSON; needs prev
 * @property {boolean} [reset] the version may go down: the project was restored from a backup
 * @property {string} [traceparent] the trace (W3C) in which the publisher works
 */

/** An id as text. @param {unknown} id @returns {string} */
export function project(id) {
  const text = typeof id === 'bigint' || (typeof id === 'number' && Number.isSafeInteger(id)) ? String(id) : id
  if (typeof text === 'string' && ID.test(text)) return text
  throw new Invalid(
    `project: ${short(id)} is no project; use an integer or 1 to 128 of A-Z a-z 0-9 . _ ~ : -, and write an id of other characters as hex or base64url`,
  )
}

/** A version as digits. @param {unknown} number @param {string} [field] @returns {string} */
export function version(number, field = 'version') {
  const whole = typeof number === 'bigint' ? Number(number) : number
  if (typeof whole === 'number' && Number.isSafeInteger(whole) && whole >= 0) return String(whole)
  throw new Invalid(`${field}: ${short(number)} is not an integer from 0 to ${Number.MAX_SAFE_INTEGER}; publish the counter of the project, not a time or a text`)
}

/**
 * The arguments of publish.lua without the last: version, message, and whether it is a reset.
 * @param {unknown} number @param {More} more
 */
export function argv(number, { prev, writer, data, reset, traceparent } = {}) {
  const digits = version(number)
  const fields = [`"version":${digits}`]
  if (prev != null) fields.push(`"prev":${version(prev, 'prev')}`)
  if (writer != null) {
    if (typeof writer !== 'string' || Buffer.byteLength(writer) > MAX_WRITER) throw new Invalid(`writer: not a text of at most ${MAX_WRITER} bytes; use a short tag of the tab`)
    fields.push(`"writer":${JSON.stringify(writer)}`)
  }
  if (data !== undefined) fields.push(`"data":${encoded(data, prev)}`)
  if (reset) fields.push('"reset":true')
  if (traceparent != null) fields.push(`"traceparent":${JSON.stringify(String(traceparent))}`)
  if (Number(digits) % TIMED === 0) fields.push(`"sent_ms":${Date.now()}`)
  return [digits, fields.length > 1 ? `{${fields}}` : digits, reset ? '1' : '0']
}

/** @param {unknown} data @param {unknown} prev */
function encoded(data, prev) {
  if (prev == null) throw new Invalid('data: needs prev, the version that the change was made upon')
  let text
  try {
    text = JSON.stringify(data)
  } catch (error) {
    throw new Invalid(`data: cannot be written as JSON: ${error instanceof Error ? error.message : typeof error}`)
  }
  if (text === undefined) throw new Invalid('data: cannot be written as JSON; give objects, lists, numbers and texts')
  const size = Buffer.byteLength(text)
  if (size > MAX_DATA) throw new Invalid(`data: ${size} bytes long, and ${MAX_DATA} are the most; leave it out, and pages poll`)
  return text
}
