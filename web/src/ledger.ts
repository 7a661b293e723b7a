import type { Options, PollContext } from './types.js';
import { isVersion, type Message } from './wire.js';

interface Entry {
  /** The version that the page has. */
  have: number;
  /** What a gateway last named, */
  named?: number;
  /** and whether that still stands. */
  stands?: boolean;
  /** A poll is due for it, whatever the numbers say. */
  owed?: boolean;
  /** The last hello left it out. */
  unserved?: boolean;
}

type Asked = PollContext['projects'];

/** Who has which version: the page, and what gateways have named. It decides what is news; no clock and no chance here. */
export interface Ledger {
  /** The projects as query, each with what a gateway last named, else with the page's own version. */
  query(): string;
  projects(): string[];
  /** Takes note of a hello; true if it asks for a poll. */
  hello(hello: Message): boolean;
  /** Takes note of an advance; true if it asks for a poll. */
  advance(advance: Message): boolean;
  /** What a poll that begins now asks for. Nothing is owed after it: should it fail, there will be another. */
  ask(): Asked;
  /** The versions that answer `asked`; true if they are older than what had been announced by then. */
  answer(asked: Asked, versions: Record<string, unknown>): boolean;
  /** Whether anything that was announced has not been polled for. */
  owes(): boolean;
  /** How many projects have a version known to be newer than the page's. */
  behind(): number;
  /** Whether the last hello left a project out. */
  uncovered(): boolean;
  versions(): Record<string, number>;
}

export function createLedger(projects: Options['projects']): Ledger {
  const entries = Object.entries(projects).map(([id, have]): [string, Entry] => [id, { have: isVersion(have) ? have : 0 }]);
  const all = entries.map(([, e]) => e);

  const each = <T>(value: (e: Entry) => T) => Object.fromEntries(entries.map(([id, e]) => [id, value(e)]));
  const lags = (e: Entry) => !!e.stands && e.named! > e.have;
  const wants = (e: Entry) => e.owed || lags(e);
  const owes = () => all.some(wants);

  return {
    query: () => entries.map(([id, e]) => `project=${encodeURIComponent(id)}@${e.named ?? e.have}`).join('&'),
    projects: () => entries.map(([id]) => id),

    hello({ versions, unknown }) {
      for (const [id, e] of entries) {
        const version = versions[id];
        const known = isVersion(version);
        const heard = known || unknown.includes(id);
        // Owed: what the gateway cannot vouch for, what may have been missed while it had to wait, and a step back.
        e.owed ||= heard && (!known || e.unserved || version < e.named!);
        e.unserved = !heard;
        // A number that is not repeated is taken back. Of a project that has to wait nothing is said: what the page is known
        // to lack, it still lacks. But "unknown" tells it to poll, and what that poll answers is the truth.
        e.stands = known || (!heard && lags(e));
        if (known) e.named = version;
      }
      return owes();
    },

    advance({ project, version, reset }) {
      const e = entries.find(([id]) => id === project)?.[1];
      if (!e || !isVersion(version) || (e.stands && version <= e.named! && !reset)) return false;
      e.named = version;
      e.stands = true;
      e.owed ||= reset;
      return !!wants(e);
    },

    ask: () =>
      each((e) => {
        e.owed = false;
        return lags(e) ? { have: e.have, want: e.named! } : { have: e.have };
      }),

    answer(asked, versions) {
      let stale = false;
      for (const [id, e] of entries) {
        const { want } = asked[id]!;
        const told = versions[id];
        const version = isVersion(told) ? told : (want ?? e.have);
        // Below a number that stands it is an old answer; else it is the truth, even if it is a step back.
        e.have = e.stands && version < e.named! ? Math.max(e.have, version) : version;
        stale ||= e.have < want!;
      }
      return stale;
    },

    owes,
    behind: () => all.filter(lags).length,
    uncovered: () => all.some((e) => e.unserved),
    versions: () => each((e) => e.have),
  };
}
