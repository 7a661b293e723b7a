/** An argument or an option breaks a rule. The message names it, and says what to write instead. */
export class Invalid extends Error {
  name = 'Invalid'
}

/** Redis did not take what was published, or is not asked because it failed less than a second ago. */
export class Unavailable extends Error {
  name = 'Unavailable'
}

/** A value as it is shown in messages. @param {unknown} value */
export function short(value) {
  let text
  try {
    text = typeof value === 'bigint' ? `${value}` : (JSON.stringify(value) ?? String(value))
  } catch {
    text = typeof value
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
