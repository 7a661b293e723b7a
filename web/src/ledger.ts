import type { Options, PollContext } from './types.js';
import { isVersion, type Message } from './wire.js';

interface Entry {
  id: string;
  /** The version that the page has. */
  have: number;
  /** What a gateway last named, */
  told?: number;
  /** and whether that still stands. */
  stands?: boolean;
  /** A poll is due for it, whatever the numbers say. */
  owed?: boolean;
  /** The last hello left it out. */
  unserved?: boolean;
  /** The newest version that the page itself made. */
  own?: number;
}

/** A version that a poll found, as it is reported. */
export interface Finding {
  project: string;
  version: number;
}

type Asked = PollContext['projects'];

/** Who has which version: the page, and what gateways have named. It decides what is news; no clock and no chance here. */
export interface Ledger {
  /** Each project with what a gateway last named, else with the page's own version. */
  marks(): Record<string, number>;
  ids(): string[];
  /** Takes note of a hello; true if it asks for a poll. */
  hello(hello: Message): boolean;
  /**
   * Takes note of an advance; true if it asks for a poll. A page that is exactly where the change was made may take it
   * instead: then it has the version if `take` says so.
   */
  advance(advance: Message, take?: () => boolean | void): boolean;
  /** What a poll that begins now asks for. Nothing is owed after it: should it fail, there will be another. */
  ask(): Asked;
  /** The versions that answer `asked`; true if they are older than what had been announced by then. */
  answer(asked: Asked, versions: Record<string, unknown>): boolean;
  /** The page itself made this version, upon `prev` if that is said; it has it now, if it was exactly there. */
  made(project: string, version: number, prev?: number): void;
  /** What the page has more than when it asked. */
  gained(asked: Asked): Finding[];
  /** Those findings that were neither announced nor made by the page. */
  unheard(found: Finding[]): Finding[];
  /** Whether anything that was announced has not been polled for. */
  owes(): boolean;
  /** How many projects have a version known to be newer than the page's. */
  behind(): number;
  /** Whether the last hello left a project out. */
  uncovered(): boolean;
  versions(): Record<string, number>;
}

export function createLedger(projects: Options['projects']): Ledger {
  const all = Object.entries(projects).map(([id, have]): Entry => ({ id, have: isVersion(have) ? have : 0 }));

  const each = <T>(value: (e: Entry) => T) => Object.fromEntries(all.map((e) => [e.id, value(e)]));
  const find = (project: unknown) => all.find((e) => e.id === project);
  const lags = (e: Entry) => !!e.stands && e.told! > e.have;
  const wants = (e: Entry) => e.owed || lags(e);
  const owes = () => all.some(wants);

  return {
    marks: () => each((e) => e.told ?? e.have),
    ids: () => all.map((e) => e.id),

    hello({ versions, unknown }) {
      for (const e of all) {
        const version = versions[e.id];
        const known = isVersion(version);
        const heard = known || unknown.includes(e.id);
        // Owed: what the gateway cannot vouch for, what may have been missed while it had to wait, and a step back.
        e.owed ||= heard && (!known || e.unserved || version < e.told!);
        e.unserved = !heard;
        // A number that is not repeated is taken back. Of a project that has to wait nothing is said: what the page is known
        // to lack, it still lacks. But "unknown" tells it to poll, and what that poll answers is the truth.
        e.stands = known || (!heard && lags(e));
        if (known) e.told = version;
      }
      return owes();
    },

    advance({ project, version, prev, reset }, take) {
      const e = find(project);
      if (!e || !isVersion(version) || (e.stands && version <= e.told! && !reset)) return false;
      e.owed ||= reset;
      const next = e.have === prev && version > prev && !wants(e);
      e.told = version;
      e.stands = true;
      if (next && take?.()) e.have = version;
      return !!wants(e);
    },

    ask: () =>
      each((e) => {
        e.owed = false;
        return lags(e) ? { have: e.have, want: e.told! } : { have: e.have };
      }),

    answer(asked, versions) {
      let stale = false;
      for (const e of all) {
        const { want } = asked[e.id]!;
        const told = versions[e.id];
        const version = isVersion(told) ? told : (want ?? e.have);
        // Below a number that stands it is an old answer; else it is the truth, even if it is a step back.
        e.have = e.stands && version < e.told! ? Math.max(e.have, version) : version;
        stale ||= e.have < want!;
      }
      return stale;
    },

    made(project, version, prev) {
      const e = find(project);
      if (!e || !isVersion(version)) return;
      e.own = version;
      if (e.have === prev) e.have = version;
    },

    gained: (asked) =>
      all.filter((e) => e.have > asked[e.id]!.have).map((e) => ({ project: e.id, version: e.have })),

    unheard: (found) =>
      found.filter(({ project, version }) => {
        const e = find(project)!;
        return !(e.unserved || e.told! >= version || e.own! >= version);
      }),

    owes,
    behind: () => all.filter(lags).length,
    uncovered: () => all.some((e) => e.unserved),
    versions: () => each((e) => e.have),
  };
}
