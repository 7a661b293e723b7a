// What gateways have announced of the projects of a page, and which of them the open stream serves.

import { type Message, PROJECT_ID } from './messages.js';

export interface Announced {
  readonly id: string;
  /** How many polls of the page are for it. None: the open stream still serves it, until the next one is opened. */
  watchers: number;
  /** The version that a gateway last named, and whether that still holds. */
  version?: number;
  holds?: boolean;
  /** Why no stream serves it: the stream was opened `before`, or `leaves` it out, or gateways take no such id. */
  uncovered: 'before' | 'leaves' | 'bad id' | false;
}

/** What a hello says of one project. */
export interface Word {
  readonly told: Announced;
  /** The version that it names, and the one that was named before. */
  readonly version: number | undefined;
  readonly before: number | undefined;
  /** A poll is due, whatever the numbers say. */
  readonly poll: boolean;
}

export type Announcements = ReturnType<typeof createAnnouncements>;

export function createAnnouncements() {
  const all = new Map<string, Announced>();

  return {
    /** One more poll is for this project. */
    watch(id: string): Announced {
      const told = all.get(id) ?? { id, watchers: 0, uncovered: PROJECT_ID.test(id) ? 'before' : 'bad id' };
      all.set(id, told);
      told.watchers++;
      return told;
    },

    /** A new stream is opened: what nobody watches any more is not asked for. */
    prune() {
      for (const [id, { watchers }] of all) if (!watchers) all.delete(id);
    },

    /** Takes a hello. `lags` tells whether the page lacks the version that was announced. */
    hello({ versions, unknown }: Message, lags: (told: Announced) => boolean): Word[] {
      const served = [...all.values()].filter(({ uncovered }) => uncovered !== 'bad id');
      return served.map((told) => {
        const before = told.version;
        const version = versions.get(told.id);
        const known = version !== undefined;
        const named = known || unknown.includes(told.id);
        // A poll is due for what the gateway does not know, for what may have been missed while the project had to wait, and
        // for a step back.
        const poll = named && (!known || told.uncovered === 'leaves' || version < before!);
        told.uncovered = !named && 'leaves';
        // A number that is not repeated is taken back. Of a project that has to wait nothing is said: what the page is known
        // to lack, it still lacks. But "unknown" tells it to poll, and what that poll answers is the truth.
        told.holds = known || (!named && lags(told));
        if (known) told.version = version;
        return { told, version, before, poll };
      });
    },

    /** The project of an advance, if it announces a version that was not known. */
    news({ project, version, reset }: Message): Announced | undefined {
      const told = all.get(project);
      return told && version !== undefined && !(told.holds && version <= told.version! && !reset) ? told : undefined;
    },
  };
}
