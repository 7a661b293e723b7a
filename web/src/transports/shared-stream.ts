import { eventsUrl, MAX_PROJECTS } from './url.js';

// What one stream for several tabs is made of, and what each of them hears of it. Nothing here acts.

/** By project, the version that a tab has. */
export type Projects = Readonly<Record<string, number>>;

/** What a stream said last of everything that it serves: its hello, brought up to date. Fields that are not read pass through. */
export interface Word {
  [field: string]: any;
  versions: Record<string, number>;
}

const enum Limit {
  /** Of its query, in bytes: what proxies let pass. */
  Query = 4096,
}

export const has = (projects: object, id: unknown) => Object.hasOwn(projects, id as string);

/** Whether a gateway can be asked for these. What it would refuse must not be asked for together with what others need. */
export function sound(projects: Projects): boolean {
  const ids = Object.keys(projects);
  return !!ids.length && ids.every((id) => /^[\w.~:-]{1,128}$/.test(id)) && fits(projects);
}

function fits(projects: Projects): boolean {
  return Object.keys(projects).length <= MAX_PROJECTS && eventsUrl({ gateway: '', projects }).length <= Limit.Query;
}

export function union(members: { projects: Projects }[]): Projects {
  return Object.assign({}, ...members.map((member) => member.projects));
}

export function covers(all: Projects, some: Projects): boolean {
  return Object.keys(some).every((id) => has(all, id));
}

/**
 * Puts groups together, the first ones first, as long as one stream can serve them. A group is never divided: a tab hears
 * all that it hears from one stream, and so loses all or nothing.
 */
export function pack<M extends { projects: Projects }>(groups: M[][]): M[][] {
  const packed: M[][] = [];
  for (const group of groups) {
    const with_ = packed.find((bin) => fits(union([...bin, ...group])));
    if (with_) with_.push(...group);
    else if (group.length) packed.push([...group]);
  }
  return packed;
}

/** The projects in groups that one stream can serve each, the same ones for tabs with the same projects. */
export function divide(projects: Projects): Projects[] {
  const groups: Projects[] = [];
  for (const entry of Object.entries(projects).sort()) {
    const last = groups.pop();
    const more = { ...last, ...Object.fromEntries([entry]) };
    if (!last || fits(more)) groups.push(more);
    else groups.push(last, Object.fromEntries([entry]));
  }
  return groups;
}

/** What a hello says to a tab that has these projects. All lists in it are of projects. */
export function split(hello: Word, projects: Projects): Word {
  const own = (id: unknown) => has(projects, id);
  return { ...lists(hello, own), versions: Object.fromEntries(Object.entries(hello.versions).filter(([id]) => own(id))) };
}

/** The hello as it would be now, after another event of the stream. */
export function later(hello: Word, name: string, said: any): Word {
  if (name === 'heartbeat') return { ...hello, gap_ms: undefined, ...said, versions: hello.versions }; // a cadence without gap_ms means the usual one
  const { project, version, reset, spread_ms } = said;
  if (name !== 'version' || (!reset && version <= hello.versions[project]!)) return hello;
  return { ...lists(hello, (id) => id !== project), spread_ms, versions: { ...hello.versions, [project]: version } };
}

function lists(hello: Word, keep: (id: unknown) => boolean) {
  return Object.fromEntries(Object.entries(hello).map(([field, value]) => [field, Array.isArray(value) ? value.filter(keep) : value]));
}
