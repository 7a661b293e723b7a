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
export function project(id: unknown): string;
/** A version as digits. @param {unknown} number @param {string} [field] @returns {string} */
export function version(number: unknown, field?: string): string;
/**
 * The arguments of publish.lua without the last: version, message, and whether it is a reset.
 * @param {unknown} number @param {More} more
 */
export function argv(number: unknown, { prev, writer, data, reset, traceparent }?: More): string[];
/**
 * What an application may say beside the version.
 */
export type More = {
    /**
     * the version that the change was made upon
     */
    prev?: number | bigint | undefined;
    /**
     * a tag of the tab that made the change, at most 128 bytes
     */
    writer?: string | undefined;
    /**
     * the change itself, at most 8 KiB as JSON; needs prev
     */
    data?: unknown;
    /**
     * the version may go down: the project was restored from a backup
     */
    reset?: boolean | undefined;
    /**
     * the trace (W3C) in which the publisher works
     */
    traceparent?: string | undefined;
};
