// What a poll of the application gave or threw. Some give the Response itself, or throw it; HTTP libraries throw an error that has it.

import type { PollResult } from './types.js';

/** The Response in what was thrown, or what was thrown. */
export function responseOf(thrown: unknown): PollResult & { readonly status?: unknown; readonly ok?: unknown } {
  const error = Object(thrown);
  return Object(error.response ?? error);
}

/**
 * Makes a poll. A Response with status 304 means that nothing is newer than what it asked for, `unchanged`, whether it is given
 * or thrown. One with the status of an error is thrown.
 */
export async function answerOf(poll: () => unknown, unchanged: () => PollResult['versions']): Promise<PollResult> {
  let given: unknown;
  try {
    given = await poll();
  } catch (thrown) {
    if (responseOf(thrown).status !== 304) throw thrown;
    given = thrown;
  }
  const response = responseOf(given);
  if (response.status === 304) return { versions: unchanged()!, headers: response.headers! };
  if (response.ok === false) throw response;
  return Object(given ?? {});
}
