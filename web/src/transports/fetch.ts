import type { Transport } from '../types.js';
import { eventParser } from './event-parser.js';
import { eventsUrl } from './url.js';

export interface FetchOptions {
  /** Takes the place of the browser's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/**
 * Streams over fetch, with the token of `getToken` in a header of each request, and no cookie of the gateway's: for a gateway on
 * another site, to which browsers send no cookies. `createNudge({ transport: fetchStream(), getToken, … })`. The gateway must have
 * the page's origin in `cors.origins`. It also works where there is no EventSource, as in Node and Deno.
 */
export function fetchStream({ fetch }: FetchOptions = {}): Transport {
  const open: Transport = (request, on) => {
    const life = new AbortController();
    const { signal } = life;
    let status: number | undefined;

    async function run() {
      // A core of an earlier build gives the token alone.
      const headers = { Accept: 'text/event-stream', ...(request.headers ?? (request.token && { Authorization: `Bearer ${request.token}` })) };
      const response = await (fetch ?? globalThis.fetch)(eventsUrl(request), { headers, signal, cache: 'no-store', credentials: 'same-origin' });
      status = response.status;
      // A login page may come with 200 as well.
      if (status !== 200 || !/^text\/event-stream\b/i.test(response.headers.get('Content-Type') ?? '')) return;
      const read = eventParser((name, data) => signal.aborted || on.event(name, data));
      const decoder = new TextDecoder();
      const reader = response.body!.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || !read(decoder.decode(value, { stream: true }))) return;
      }
    }

    function lose() {
      if (signal.aborted) return;
      life.abort(); // whatever is left of the answer
      on.lost(status);
    }

    run().then(lose, lose);
    return { close: () => life.abort() };
  };
  return Object.assign(open, { bearer: true });
}
