// The validator (ETag) of a poll's answer: when it was given, which versions it has, and for whom, signed.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

const PATTERN = /nudge1\.(\d{1,12})\.([A-Za-z0-9_-]{1,12000})\.([A-Za-z0-9_-]{22})/g
const MOST = 64 // projects

/** Names, such as cookie:sid, and what the request has for each. @typedef {[string, string][]} Identity */

/**
 * The ETag; undefined if there are no versions or too many.
 * @param {Buffer} secret @param {number} time in seconds @param {[string, string][]} versions @param {string} path @param {Identity} identity
 */
export function makeValidator(secret, time, versions, path, identity) {
  if (versions.length === 0 || versions.length > MOST) return undefined
  const sorted = [...versions].sort(([a], [b]) => (a < b ? -1 : 1)) // ids are ASCII
  const text = Buffer.from(sorted.map(([project, version]) => `${project}=${version}`).join()).toString('base64url')
  return text.length > 12_000 ? undefined : `W/"nudge1.${time}.${text}.${mac(secret, String(time), text, path, identity)}"`
}

/**
 * The first validator in If-None-Match that was made for this path and identity. Proxies append to it (-gzip).
 * @param {Buffer} secret @param {string} header @param {string} path @param {Identity} identity
 */
export function readValidator(secret, header, path, identity) {
  for (const [whole, time, text, given] of header.matchAll(PATTERN)) {
    if (!timingSafeEqual(Buffer.from(given), Buffer.from(mac(secret, time, text, path, identity)))) continue
    const versions = Buffer.from(text, 'base64url').toString().split(',').map((mark) => mark.split('='))
    return { etag: `W/"${whole}"`, time: Number(time), versions: /** @type {[string, string][]} */ (versions) }
  }
  return undefined
}

/** @param {Buffer} secret @param {string} time @param {string} versions @param {string} path @param {Identity} identity */
function mac(secret, time, versions, path, identity) {
  // Node reads headers as Latin-1, so that is how their bytes come back.
  const who = createHash('sha256')
  for (const [name, value] of identity) who.update(`${name}=`).update(value, 'latin1').update('\n')
  const text = Buffer.concat([Buffer.from(`nudge poll validator\n${time}\n${versions}\n`), Buffer.from(path, 'latin1'), Buffer.from(`\n${who.digest('base64url')}`)])
  return createHmac('sha256', secret).update(text).digest('base64url').slice(0, 22)
}
