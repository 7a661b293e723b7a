// The versions of some projects: what the page has, and what gateways announced. Whether a poll is needed follows from that.
// No time and no chance in here.

import type { Announced, Announcements, Word } from './announced-versions.js';
import { type Message, names, PROJECT_ID, readVersion } from './messages.js';
import type { Versions as Given } from './types.js';

/** So many answers in a row that lack an announced version: it is ahead of what the application has. */
const AHEAD = 8;

/** So many of them are asked again at once; the next poll comes after an interval. */
const QUICK = 4;

interface Project {
  readonly id: string;
  readonly told: Announced;
  /** How often it is watched by this poll. */
  watchers: number;
  /** The version that the page shows. NaN: nobody has said. */
  have: number;
  /** The version that the application's answers brought, or its answer to a write. Polls ask since this one. */
  confirmed: number;
  /** A poll is due, whatever the numbers say. */
  mustPoll?: boolean;
  /** The newest version that the page itself made. */
  made?: number;
  /** What the poll in flight, or the last one, asked for. */
  want?: number | undefined;
  /** What the page had when it began, */
  had?: number;
  /** and what it found that was newer, until that is judged. */
  found?: number | undefined;
  /** How many answers in a row lacked what was announced. */
  lacking: number;
}

export type Versions = ReturnType<typeof createVersions>;

/** `warn` is told, in a sentence, of a version that cannot be read. */
export function createVersions(announcements: Announcements, warn: (text: string) => void) {
  const all = new Map<string, Project>();

  function lags({ told, have }: Project): boolean {
    return !!told.holds && told.version! > have;
  }

  /** Which version the page has is unknown, until it has polled once while the stream serves the project. */
  function isUnknown(p: Project): boolean {
    return Number.isNaN(p.have);
  }

  function wants(p: Project): boolean {
    return !!p.mustPoll || lags(p);
  }

  function take(id: string, value: unknown): number | undefined {
    const version = readVersion(value);
    if (version === undefined) warn(`project ${id}: ${shown(value)} is no version; write an integer from 0 to 2^53-1`);
    return version;
  }

  function list(): Project[] {
    return [...all.values()];
  }

  /** Something of each project, or of some. */
  function pairs<T>(value: (p: Project) => T, of: (p: Project) => unknown = () => true): [id: string, value: T][] {
    return list().filter(of).map((p) => [p.id, value(p)]);
  }

  function record<T>(value: (p: Project) => T, of?: (p: Project) => unknown): Record<string, T> {
    return Object.fromEntries(pairs(value, of));
  }

  return {
    /** Whether anything that was announced has not been polled for. */
    owes: () => list().some(wants),
    /** How many projects have a version announced that the page does not have. */
    behind: () => list().filter(lags).length,
    lags({ id }: Announced): boolean {
      const p = all.get(id);
      return !!p && lags(p);
    },
    /** Whether there is a project, what the page has of each is known, and its news comes by the stream. */
    covered: () => all.size > 0 && !list().some((p) => p.told.uncovered || isUnknown(p)),
    /** Whether the stream leaves a project out. */
    uncovered: () => list().some(({ told }) => told.uncovered),
    /** The projects whose announced version the application does not have, each with the one that it has, and the announced one. */
    ahead: () => list().flatMap((p): [string, number, number][] => (lags(p) && p.lacking >= AHEAD ? [[p.id, p.confirmed, p.told.version!]] : [])),
    /** By how much the fast interval is stretched while the page is behind: at all only if the application keeps lacking it. */
    patience: () => 2 ** Math.min(...list().map((p) => (lags(p) ? Math.max(0, p.lacking - AHEAD) : Infinity))),
    /** The version of each project that the page shows. */
    shown: () => record((p) => p.have || 0),
    /** Per project what a gateway last announced, else what the page has: so a gateway is asked. */
    marks: () => record((p) => p.told.version ?? (p.have || 0), ({ told }) => told.uncovered !== 'bad id'),
    /** What the poll asks the application for. */
    asked: () => record(({ confirmed, want }) => ({ have: confirmed || 0, ...(want !== undefined && { want }) })),

    /** Takes what a hello says. Gives the projects of which it names a version newer than what was known, with that version. */
    hello(words: Word[]): [string, number][] {
      return words.flatMap(({ told, version, before, poll }): [string, number][] => {
        const p = all.get(told.id);
        if (!p) return [];
        p.mustPoll ||= isUnknown(p) ? version! > before! : poll;
        return version! > (before ?? p.have) ? [[p.id, version!]] : [];
      });
    },

    /**
     * An advance comes. A page that is exactly where the change was made, and knows of nothing newer, has it once `apply` has
     * applied it; if that throws, the page polls.
     */
    take({ project, version, prev, reset }: Message, apply: () => void) {
      const p = all.get(project);
      if (reset || !p || p.have !== prev || version! <= prev || wants(p)) return;
      apply();
      p.have = version!;
    },

    /** An advance has come. Whether this poll is for its project, and is needed now. */
    advance({ id }: Announced, reset: boolean): [mine: boolean, wanted: boolean] {
      const p = all.get(id);
      if (p) p.mustPoll ||= reset || isUnknown(p);
      return [!!p, !!p && wants(p)];
    },

    /** The page has whatever is announced. */
    haveAll() {
      for (const p of list()) if (p.told.holds) p.have = p.confirmed = p.told.version!;
    },

    /** A poll begins. Nothing is owed after it: should it fail, there will be another. */
    ask() {
      for (const p of list()) {
        p.mustPoll = false;
        // What was applied without the application's word, it has yet to confirm.
        p.want = lags(p) || (isUnknown(p) && p.told.holds) ? p.told.version : p.have > p.confirmed ? p.have : undefined;
        p.had = p.have;
      }
    },

    /**
     * Takes the application's answer. Gives how often it has lacked an announced version now, 0 if it does not, or if asking
     * again at once has not helped.
     */
    answer(told: Given): number {
      let again = 0;
      for (const p of list()) {
        const { want } = p;
        const given = Object.hasOwn(told, p.id) ? (take(p.id, told[p.id]) ?? p.confirmed) : (want ?? (isUnknown(p) && !p.told.uncovered ? 0 : p.have));
        // Below a number that holds it is an old answer. Else it is the truth, even if it is a step back.
        const old = !!p.told.holds && given < p.told.version!;
        p.have = old ? Math.max(p.have || 0, given) : given;
        p.confirmed = old ? Math.max(p.confirmed || 0, given) : given;
        if (p.confirmed < want!) {
          if (++p.lacking <= QUICK) again = Math.max(again, p.lacking);
        } else p.lacking = 0;
      }
      return again;
    },

    /** The page itself made this version, upon `prev` if that is said: it has it now, if it was exactly there. */
    made(id: string, value: unknown, before: unknown) {
      const p = all.get(id);
      const version = p && take(id, value);
      if (version === undefined) return;
      p!.made = version;
      const prev = readVersion(before);
      if (p!.have === prev) p!.have = version;
      if (p!.confirmed === prev) p!.confirmed = version;
    },

    /** Keeps what the last poll found that the page did not have before. True if there is anything. */
    gained(): boolean {
      for (const p of list()) p.found = p.have > p.had! ? p.have : undefined;
      return list().some((p) => p.found);
    },

    /** Of what was found, that which was neither announced since nor made by the page. */
    unannounced: () =>
      pairs(
        (p) => p.found!,
        ({ found, told, made }) => found && !(told.uncovered || told.version! >= found || made! >= found),
      ),

    /**
     * What was applied and never confirmed: the application goes on answering less. The page takes its word, and forgets what
     * it applied.
     */
    refuted(): [string, number][] {
      return list().flatMap((p): [string, number][] => {
        if (p.have <= p.confirmed || p.lacking <= QUICK) return [];
        p.have = p.confirmed;
        p.lacking = 0;
        return [[p.id, p.have]];
      });
    },

    /** Of these ids the page's own, each with its version. */
    wrong: (ids: unknown) =>
      pairs(
        (p) => p.have,
        (p) => names(ids).includes(p.id),
      ),

    /** One more watches these. True if the stream does not serve one of them yet. */
    watch(projects: Given): boolean {
      let more = false;
      for (const [id, value] of Object.entries(projects ?? {})) {
        const version = value === undefined ? NaN : (take(id, value) ?? 0);
        let p = all.get(id);
        if (!p) all.set(id, (p = { id, told: announcements.watch(id), watchers: 0, have: version, confirmed: version, lacking: 0 }));
        p.watchers++;
        more ||= p.told.uncovered === 'before';
        if (p.told.uncovered === 'bad id')
          warn(`project ${shown(id)} gets no push: its id does not match ${PROJECT_ID}; write it as hex or base64url, here and where you publish`);
      }
      return more;
    },

    unwatch(projects: Given) {
      for (const id of Object.keys(projects ?? {})) {
        const p = all.get(id);
        if (!p || --p.watchers) continue;
        all.delete(id);
        p.told.watchers--;
      }
    },
  };
}

/** A value as it is shown in a message: never more than a line. */
function shown(value: unknown): string {
  try {
    return `${JSON.stringify(value)} (${typeof value})`.slice(0, 80);
  } catch {
    return typeof value;
  }
}
