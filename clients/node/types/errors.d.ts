/** A value as it is shown in messages. @param {unknown} value */
export function short(value: unknown): string;
/** An argument or an option breaks a rule. The message names it, and says what to write instead. */
export class Invalid extends Error {
}
/** Redis did not take what was published, or is not asked because it failed less than a second ago. */
export class Unavailable extends Error {
}
