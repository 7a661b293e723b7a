import type { Env, Source, StreamEvents, StreamRequest, Transport } from '../types.js';
import { eventsUrl } from './url.js';

/** The events of a stream. Each is heard by its name: a browser shows a page nothing else. */
export const EVENT_NAMES = ['hello', 'version', 'heartbeat', 'goodbye'];

/**
 * Streams over the browser's own EventSource, with cookies, for the token is one. Its reconnecting is never used: the first
 * error closes it, since it would come back at a fixed pace, with the old URL, and give up for good at the first status that
 * is not 200. Without a constructor, the global one is looked up at every call, so that test frameworks may replace it.
 */
export function eventSource(constructor?: Env['EventSource']): Transport {
  return (request: StreamRequest, on: StreamEvents) => {
    let source: Source | undefined;
    let closed = false;

    function close() {
      closed = true;
      source?.close();
    }

    function lose() {
      if (closed) return;
      close();
      on.lost();
    }

    try {
      source = new (constructor ?? globalThis.EventSource)(eventsUrl(request), { withCredentials: true });
      for (const name of EVENT_NAMES) source.addEventListener(name, (event) => closed || on.event(name, event.data));
      // With data it is no error of the connection, but a message that somebody named so.
      source.addEventListener('error', (event) => 'data' in event || lose());
    } catch {
      queueMicrotask(lose); // a forbidden URL, for one, or no EventSource at all; the caller has no handle yet
    }
    return { close, role: 'solo' };
  };
}
