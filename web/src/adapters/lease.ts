import { createNudge, type Nudge, type Options, type PollContext, type PollResult } from '../nudge.js';

/**
 * The `every` of this instance, or of one that is created when it is first used, and a function that stops the latter. Between
 * its polls such an instance does nothing.
 */
export function lease(given: Nudge | Options): [every: Nudge['every'], stop: () => void] {
  if ('every' in given) return [given.every, () => {}];
  let nudge: Nudge | undefined;
  return [(...poll) => (nudge ??= createNudge(given)).every(...poll), () => nudge?.stop()];
}

/** A poll that a return to the page asks for comes within a second: what the library fetched this long before is new, in ms. */
export const RECENT = 2_000;

/** A function's result for this; other values are what they are. */
export const value = (given: unknown, of: unknown): any => (typeof given === 'function' ? given(of) : given);

/** Whether these versions are what the poll is for: the library has fetched them by itself meanwhile. */
export function has(versions: PollResult['versions'], projects: PollContext['projects']): boolean {
  const wants = Object.entries(projects).filter(([, { want }]) => want);
  return wants.length > 0 && wants.every(([id, { have, want }]) => want! > have && Number(versions?.[id]) >= want!);
}
