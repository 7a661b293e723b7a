/** The bytes of a secret as the gateway reads auth.secret. @param {unknown} text @returns {Buffer} */
export function secretBytes(text: unknown): Buffer;
/**
 * A JWT with HS256.
 * @param {Buffer} secret @param {string | number | bigint} user @param {(string | number | bigint)[]} projects
 * @param {{ ttl?: number, publish?: (string | number | bigint)[], claims?: object, issuer?: string, audience?: string }} options
 */
export function sign(secret: Buffer, user: string | number | bigint, projects: (string | number | bigint)[], { ttl, publish, claims, issuer, audience }: {
    ttl?: number;
    publish?: (string | number | bigint)[];
    claims?: object;
    issuer?: string;
    audience?: string;
}): string;
