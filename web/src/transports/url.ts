import type { StreamRequest } from '../types.js';

/** A gateway takes no more projects in one request. */
export const MAX_PROJECTS = 64;

/** Projects, each with a version, as gateways want them in a URL. Those beyond the limit are left out, and so not served. */
export function projectQuery(projects: StreamRequest['projects']): string {
  return Object.entries(projects)
    .slice(0, MAX_PROJECTS)
    .map(([id, version]) => `project=${encodeURIComponent(id)}@${version}`)
    .join('&');
}

/** Where the stream of these projects is. */
export function eventsUrl({ gateway, projects, yields }: StreamRequest): string {
  return `${gateway}/events?${projectQuery(projects)}${yields ? '&evict=0' : ''}`;
}
