// The versions of some projects: what the page has, and what gateways announced. Whether a poll is needed follows from that.
// No time and no chance in here.

import { type Message, readVersion } from './messages.js';
import type { Versions as Given } from './types.js';

/** So many answers in a row that lack an announced version: it is ahead of what the application has. */
const AHEAD = 8;

/** So many of them are asked again at once; the next poll comes after an interval. */
const QUICK = 4;

interface Project {
  readonly id: string;
  /** How many watch it. None: nothing is polled for, but the open stream still serves it. */
  watchers: number;
  /** The version that the page shows. */
  have: number;
  /** The version that the application's answers brought, or its answer to a write. Polls ask since this one. */
  confirmed: number;
  /** What a gateway last announced, and whether that still holds. */
  announced?: number | undefined;
  holds?: boolean;
  /** A poll is due, whatever the numbers say. */
  mustPoll?: boolean;
  /** Why no stream serves it: the stream was opened `before`, or `leaves` it out. */
  uncovered?: 'before' | 'leaves' | false;
  /** The newest version that the page itself made. */
  made?: number | undefined;
  /** What the poll in flight, or the last one, asked for. */
  want?: number | undefined;
  /** What the page had when it began, */
  had?: number;
  /** and what it found that was newer, until that is judged. */
  found?: number | undefined;
  /** How many answers in a row lacked what was announced. */
  lacking: number;
}

/** What an advance means for the page. */
export interface Advance {
  /** It announces a version that was not known. */
  readonly news: boolean;
  /** The page has it now: a change of its own, or one that it can apply. */
  readonly taken: boolean;
}

const NOTHING: Advance = { news: false, taken: false };

export type Versions = ReturnType<typeof createVersions>;

/** `warn` is told, in a sentence, of a version that cannot be read. */
export function createVersions(warn: (text: string) => void) {
  const all = new Map<string, Project>();

  function watched(): Project[] {
    return [...all.values()].filter((p) => p.watchers);
  }

  function lags(p: Project): boolean {
    return !!p.holds && p.announced! > p.have;
  }

  function wants(p: Project): boolean {
    return !!p.mustPoll || lags(p);
  }

  function take(id: string, value: unknown): number | undefined {
    const version = readVersion(value);
    if (version === undefined) warn(`project ${id}: ${shown(value)} is no version; write an integer from 0 to 2^53-1, or its digits`);
    return version;
  }

  function record<T>(value: (p: Project) => T): Record<string, T> {
    return Object.fromEntries(watched().map((p) => [p.id, value(p)]));
  }

  return {
    /** Whether anything that was announced has not been polled for. */
    owes: () => watched().some(wants),
    /** Whether a poll is needed for this one. */
    wants(id: string): boolean {
      const p = all.get(id);
      return !!p?.watchers && wants(p);
    },
    /** How many projects have a version announced that the page does not have. */
    behind: () => watched().filter(lags).length,
    /** Whether the stream leaves a project out. */
    uncovered: () => watched().some((p) => p.uncovered),
    /** The projects whose announced version the application does not have, each with the one that it has, and the announced one. */
    ahead: () => watched().flatMap((p): [string, number, number][] => (lags(p) && p.lacking >= AHEAD ? [[p.id, p.confirmed, p.announced!]] : [])),
    /** By how much the fast interval is stretched while the page is behind: at all only if the application keeps lacking it. */
    patience: () => 2 ** Math.min(...watched().map((p) => (lags(p) ? Math.max(0, p.lacking - AHEAD) : Infinity))),
    /** The version of each project that the page shows. */
    shown: () => record((p) => p.have),
    /** Per project what a gateway last announced, else what the page has: so a gateway is asked. */
    marks: () => record((p) => p.announced ?? p.have),
    /** What the poll asks the application for. */
    asked: () => record((p) => (p.want === undefined ? { have: p.confirmed } : { have: p.confirmed, want: p.want })),

    /** A new stream is opened: what nobody watches any more is not asked for. */
    prune() {
      for (const p of all.values()) if (!p.watchers) all.delete(p.id);
    },

    /** Takes a hello. Gives the projects of which it announces a version newer than what was known, with that version. */
    hello({ versions, unknown }: Message): [string, number][] {
      return [...all.values()].flatMap((p): [string, number][] => {
        const version = versions.get(p.id);
        const known = version !== undefined;
        const named = known || unknown.includes(p.id);
        const newer = known && version > (p.announced ?? p.have);
        // A poll is due for what the gateway does not know, for what may have been missed while the project had to wait, and
        // for a step back.
        p.mustPoll ||= named && (!known || p.uncovered === 'leaves' || version < p.announced!);
        p.uncovered = !named && 'leaves';
        // A number that is not repeated is taken back. Of a project that has to wait nothing is said: what the page is known
        // to lack, it still lacks. But "unknown" tells it to poll, and what that poll answers is the truth.
        p.holds = known || (!named && lags(p));
        if (known) p.announced = version;
        return newer && p.watchers ? [[p.id, version]] : [];
      });
    },

    /** Takes an advance. A page that is exactly where the change was made has it now, if it `takes` such. */
    advance({ project, version, prev, reset }: Partial<Message>, takes?: boolean): Advance {
      const p = all.get(project!);
      if (!p || version === undefined || (p.holds && version <= p.announced! && !reset)) return NOTHING;
      p.mustPoll ||= !!reset;
      const taken = !!takes && p.have === prev && version > prev && !wants(p);
      p.announced = version;
      p.holds = true;
      if (taken) p.have = version;
      return { news: !!p.watchers, taken };
    },

    /** The change of an advance could not be applied after all. */
    unapplied(id: string, prev: number) {
      const p = all.get(id);
      if (p) p.have = prev;
    },

    /** The page has whatever is announced. */
    haveAll() {
      for (const p of all.values()) if (p.holds) p.have = p.confirmed = p.announced!;
    },

    /** A poll begins. Nothing is owed after it: should it fail, there will be another. */
    ask() {
      for (const p of watched()) {
        p.mustPoll = false;
        // What was applied without the application's word, it has yet to confirm.
        p.want = lags(p) ? p.announced : p.have > p.confirmed ? p.have : undefined;
        p.had = p.have;
      }
    },

    /**
     * Takes the application's answer. Gives how often it has lacked an announced version now, 0 if it does not, or if asking
     * again at once has not helped.
     */
    answer(told: Given): number {
      let again = 0;
      for (const p of watched()) {
        const { want } = p;
        const given = Object.hasOwn(told, p.id) ? (take(p.id, told[p.id]) ?? p.confirmed) : (want ?? p.have);
        // Below a number that holds it is an old answer. Else it is the truth, even if it is a step back.
        const old = !!p.holds && given < p.announced!;
        p.have = old ? Math.max(p.have, given) : given;
        p.confirmed = old ? Math.max(p.confirmed, given) : given;
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
      for (const p of watched()) p.found = p.have > p.had! ? p.have : undefined;
      return watched().some((p) => p.found);
    },

    /** Of what was found, that which was neither announced since nor made by the page. */
    unannounced: () =>
      watched().flatMap((p): [string, number][] => (p.found && !(p.uncovered || p.announced! >= p.found || p.made! >= p.found) ? [[p.id, p.found]] : [])),

    /**
     * What was applied and never confirmed: the application goes on answering less. The page takes its word, and forgets what
     * it applied.
     */
    refuted(): [string, number][] {
      return watched().flatMap((p): [string, number][] => {
        if (p.have <= p.confirmed || p.lacking <= QUICK) return [];
        p.have = p.confirmed;
        p.lacking = 0;
        return [[p.id, p.have]];
      });
    },

    /** Of these ids the page's own, each with its version. */
    wrong: (ids: unknown) => watched().flatMap((p): [string, number][] => (Array.isArray(ids) && ids.map(String).includes(p.id) ? [[p.id, p.have]] : [])),

    /** One more watches these. True if the stream does not serve one of them yet. */
    watch(projects: Given): boolean {
      let more = false;
      for (const [id, value] of Object.entries(projects ?? {})) {
        const version = take(id, value) ?? 0;
        let p = all.get(id);
        if (!p) all.set(id, (p = { id, watchers: 0, have: version, confirmed: version, uncovered: 'before', lacking: 0 }));
        if (!p.watchers++) p.have = p.confirmed = version;
        more ||= p.uncovered === 'before';
      }
      return more;
    },

    unwatch(projects: Given) {
      for (const id of Object.keys(projects ?? {})) {
        const p = all.get(id);
        if (p?.watchers) p.watchers--;
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
