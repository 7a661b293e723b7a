import { KNOWN_EVENTS } from '../known-events.js';
import type { Env, Transport } from '../types.js';
import { eventsUrl } from './url.js';

/**
 * Streams over the browser's own EventSource, with cookies, for the token is one. Its reconnecting is never used: the first
 * error closes it, since it would come back at a fixed pace, with the old URL, and give up for good at the first status that
 * is not 200. Without a constructor, the global one is looked up at every call, so that test frameworks may replace it. It
 * throws where the constructor does: for a URL that is none, or where there is no EventSource.
 */
export function eventSource(constructor?: Env['EventSource']): Transport {
  return (request, on) => {
    const source = new (constructor ?? globalThis.EventSource)(eventsUrl(request), { withCredentials: true });
    for (const name of KNOWN_EVENTS) source.addEventListener(name, (event) => on.event(name, event.data));
    source.addEventListener('error', (event) => {
      if ('data' in event) return; // not an error of the connection, but a message that somebody named so
      source.close();
      on.lost();
    });
    return { close: () => source.close() };
  };
}
