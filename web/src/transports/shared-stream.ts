import { PROJECT_ID } from '../messages.js';
import { eventsUrl, MAX_PROJECTS } from './url.js';

// What one stream for several tabs is made of, and what each of them hears of it. Nothing here acts.

/** By project, the version that a tab has. */
export type Projects = Readonly<Record<string, number>>;

/** What a stream last said of everything that it serves: its hello, kept up to date. Fields that are not read pass through. */
export interface Hello {
  [field: string]: any;
  versions: Record<string, number>;
}

/** The query of a URL has this many bytes at most, or proxies may refuse it. */
const MAX_QUERY = 4096;

export const has = (projects: object, id: unknown) => Object.hasOwn(projects, id as string);

/** What an event says: an object, whatever the data. */
export function parse(data: unknown): any {
  try {
    return Object(typeof data === 'string' ? JSON.parse(data) : data);
  } catch {
    return {};
  }
}

/** Whether a gateway can be asked for these. What it would refuse must not be asked for together with what others need. */
export function valid(projects: Projects): boolean {
  const all = Object.entries(projects);
  return !!all.length && all.every(([id, version]) => PROJECT_ID.test(id) && Number.isSafeInteger(version)) && fits(projects);
}

function fits(projects: Projects): boolean {
  return Object.keys(projects).length <= MAX_PROJECTS && eventsUrl({ gateway: '', projects }).length <= MAX_QUERY;
}

export function union(followers: { projects: Projects }[]): Projects {
  return Object.fromEntries(followers.flatMap(({ projects }) => Object.entries(projects)));
}

export function covers(all: Projects, some: Projects): boolean {
  return Object.keys(some).every((id) => has(all, id));
}

/**
 * Puts groups together, the first ones first, as long as one stream can serve them. A group is never divided: a tab hears
 * all that it hears from one stream, and so loses all or nothing.
 */
export function pack<F extends { projects: Projects }>(groups: F[][]): F[][] {
  const packed: F[][] = [];
  for (const group of groups) {
    const roomy = packed.find((other) => fits(union([...other, ...group])));
    if (roomy) roomy.push(...group);
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
export function helloFor(projects: Projects, hello: Hello): Hello {
  const own = (id: unknown) => has(projects, id);
  return { ...lists(hello, own), versions: Object.fromEntries(Object.entries({ ...hello.versions }).filter(([id]) => own(id))) };
}

/** The hello as it would be now, after another event of the stream. */
export function updated(hello: Hello, name: string, said: any): Hello {
  if (name === 'heartbeat') return { ...hello, gap_ms: undefined, ...said, versions: hello.versions }; // a cadence without gap_ms means the usual one
  const { project, version, reset, spread_ms } = said;
  if (name !== 'version' || (!reset && version <= hello.versions[project]!)) return hello;
  return { ...lists(hello, (id) => id !== project), spread_ms, versions: { ...hello.versions, [project]: version } };
}

function lists(hello: Hello, keep: (id: unknown) => boolean) {
  return Object.fromEntries(Object.entries(hello).map(([field, value]) => [field, Array.isArray(value) ? value.filter(keep) : value]));
}
