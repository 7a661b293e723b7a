/** Names, such as cookie:sid, and what the request has for each. @typedef {[string, string][]} Identity */
/**
 * The ETag; undefined if there are no versions or too many.
 * @param {Buffer} secret @param {number} time in seconds @param {[string, string][]} versions @param {string} path @param {Identity} identity
 */
export function makeValidator(secret: Buffer, time: number, versions: [string, string][], path: string, identity: Identity): string | undefined;
/**
 * The first validator in If-None-Match that was made for this path and identity. Proxies append to it (-gzip).
 * @param {Buffer} secret @param {string} header @param {string} path @param {Identity} identity
 */
export function readValidator(secret: Buffer, header: string, path: string, identity: Identity): {
    etag: string;
    time: number;
    versions: [string, string][];
} | undefined;
/**
 * Names, such as cookie:sid, and what the request has for each.
 */
export type Identity = [string, string][];
