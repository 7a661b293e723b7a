// Who has which version: the page, and what gateways have named. What is news follows from that; no time and no chance here.

import { type Entry, type Kind, type Of, Unserved } from './state.js';
import { MAX_PROJECTS } from './transports/url.js';
import { isVersion, type Message } from './wire.js';

export function entry(id: string, have: unknown): Entry {
  return { id, watchers: 1, have: isVersion(have) ? have : 0 };
}

export function lags(e: Entry): boolean {
  return !!e.stands && e.told! > e.have;
}

function wants(e: Entry): boolean {
  return !!e.owed || lags(e);
}

/** Whether anything that was announced has not been polled for. */
export function owes(entries: Entry[]): boolean {
  return entries.some(wants);
}

/** How many projects have a version known to be newer than the page's. */
export function behind(entries: Entry[]): number {
  return entries.filter(lags).length;
}

/** Whether the stream leaves a project out. */
export function uncovered(entries: Entry[]): boolean {
  return entries.some((e) => e.unserved);
}

export function each<T>(entries: Entry[], value: (e: Entry) => T): Record<string, T> {
  return Object.fromEntries(entries.map((e) => [e.id, value(e)]));
}

/** What to ask a gateway for: with what one last named, else with the page's own version. */
export function marks(entries: Entry[]): Record<string, number> {
  return each(entries, (e) => e.told ?? e.have);
}

/** The projects that a question to a gateway names: not all, if there are more than it takes. */
export function asked(entries: Entry[]): string[] {
  return Object.keys(marks(entries)).slice(0, MAX_PROJECTS);
}

/** The one of that project. */
export function find(entries: Entry[], project: unknown): Entry | undefined {
  return entries.find((e) => e.id === project);
}

/** Takes note of a hello. Gives those of which it names a version that is newer than what was known. */
export function greet(entries: Entry[], { versions, unknown }: Message): Entry[] {
  return entries.filter((e) => {
    const version = versions[e.id];
    const known = isVersion(version);
    const heard = known || unknown.includes(e.id);
    const newer = known && version > (e.told ?? e.have);
    // Owed: what the gateway cannot vouch for, what may have been missed while it had to wait, and a step back.
    e.owed ||= heard && (!known || e.unserved === Unserved.LeftOut || version < e.told!);
    e.unserved = heard ? Unserved.No : Unserved.LeftOut;
    // A number that is not repeated is taken back. Of a project that has to wait nothing is said: what the page is known
    // to lack, it still lacks. But "unknown" tells it to poll, and what that poll answers is the truth.
    e.stands = known || (!heard && lags(e));
    if (known) e.told = version;
    return newer;
  });
}

/**
 * Takes note of an advance. A page that is exactly where the change was made has it now, if it `takes` such. Gives the entry
 * if the advance is news, and whether it was taken.
 */
export function advance(entries: Entry[], message: Partial<Message>, takes?: unknown): [Entry | undefined, boolean] {
  const { project, version, prev, reset } = message;
  const e = find(entries, project);
  if (!e || !isVersion(version) || (e.stands && version <= e.told! && !reset)) return [undefined, false];
  e.owed ||= !!reset;
  const taken = !!takes && e.have === prev && version > prev && !wants(e);
  e.told = version;
  e.stands = true;
  if (taken) e.have = version;
  return [e, taken];
}

/** Takes note of a poll that begins. Nothing is owed after it: should it fail, there will be another. */
export function ask(entries: Entry[]): void {
  for (const e of entries) {
    e.owed = false;
    e.asked = lags(e) ? { have: e.have, want: e.told! } : { have: e.have };
  }
}

/** Takes note of what a poll found; true if that is older than what had been announced when it began. */
export function answer(entries: Entry[], versions: Record<string, unknown>): boolean {
  let stale = false;
  for (const e of entries) {
    const want = e.asked?.want;
    const told = versions[e.id];
    const version = isVersion(told) ? told : (want ?? e.have);
    // Below a number that stands it is an old answer; else it is the truth, even if it is a step back.
    e.have = e.stands && version < e.told! ? Math.max(e.have, version) : version;
    stale ||= e.have < want!;
  }
  return stale;
}

/** The page itself made this version, upon `prev` if that is said; it has it now, if it was exactly there. */
export function made(entries: Entry[], { project, version, prev }: Of<Kind.Made>): void {
  const e = find(entries, project);
  if (!e || !isVersion(version)) return;
  e.own = version;
  if (e.have === prev) e.have = version;
}

/** Keeps what the last poll found: true if there is anything. */
export function gain(entries: Entry[]): boolean {
  for (const e of entries) e.found = e.have > e.asked?.have! ? e.have : undefined;
  return entries.some((e) => e.found);
}

/** Those whose find was neither announced nor made by the page. */
export function unheard(entries: Entry[]): Entry[] {
  return entries.filter((e) => e.found && !(e.unserved || e.told! >= e.found || e.own! >= e.found));
}

/** More who watch these, or fewer; true if the list of projects has changed. */
export function watch(entries: Entry[], projects: Readonly<Record<string, unknown>>): boolean {
  let more = false;
  for (const [id, have] of Object.entries(projects)) {
    const e = find(entries, id);
    if (e) e.watchers++;
    else more = !!entries.push({ ...entry(id, have), unserved: Unserved.New });
  }
  return more;
}

export function unwatch(entries: Entry[], projects: Readonly<Record<string, unknown>>): Entry[] {
  return entries.filter((e) => !(e.id in projects && --e.watchers < 1));
}
