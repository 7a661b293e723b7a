// What a page in shadow saw, for the gateway: its polls show what push would have done. It never causes a poll, and a report
// that fails is forgotten.

import type { Connection } from '../connection.js';
import type { Core } from '../env.js';
import { between } from '../interval-math.js';

const enum Ms {
  /** Between two reports are one to two times as long as this many intervals take, within these times. */
  Least = 60_000,
  Most = 300_000,
  /** No lead is longer than the gateway takes. */
  Lead = 3_600_000,
}
const INTERVALS = 30;

/** One report is of so many polls at most, and of so many projects. */
const POLLS = 60;
const PROJECTS = 64;

export type Shadow = ReturnType<typeof createShadow>;

export function createShadow(env: Core, connection: Connection) {
  let first: boolean | undefined = true;
  let next = env.now() + Ms.Least * between(env.random(), 1, 2);
  const none = { polls: 0, empty: 0, news: 0, missed: 0, lead_ms: 0 };
  let sums = { ...none };
  let projects = new Map<string, number>();

  /**
   * A poll with these projects was answered. `news`: it found something, and something of `missed` was not announced. `lead` is
   * for how long push had known of something then; 0 if it did not.
   */
  return (ids: string[], news: boolean, lead: number, missed: string[] = []) => {
    if (sums.polls < POLLS) {
      sums.polls++;
      if (news) {
        sums.news++;
        if (missed[0]) sums.missed++;
        else sums.lead_ms += Math.min(Math.round(lead), Ms.Lead);
      } else if (!lead) sums.empty++;
      for (const id of new Set([...missed, ...ids])) {
        if (projects.has(id) || projects.size < PROJECTS) projects.set(id, (projects.get(id) ?? 0) + +missed.includes(id));
      }
    }
    const now = env.now();
    if (now < next) return;
    next = now + Math.min(Math.max(connection.now.fast * INTERVALS, Ms.Least), Ms.Most) * between(env.random(), 1, 2);
    connection.report({ first, ...sums, projects: Object.fromEntries(projects) }, '/shadow').then((taken) => {
      if (taken) first = undefined;
    });
    sums = { ...none };
    projects = new Map();
  };
}
