// Requests to the gateway, and what its answers mean.

import { type Message, read } from './messages.js';
import type { Env, PollResult } from './types.js';

/** A server can send the page away for an hour at most. */
const LONGEST = 3_600_000;

/** An answer of the gateway. */
export interface Reply {
  readonly status: number;
  /** What Retry-After asks for, in ms. */
  readonly retryAfter: number;
  /** Whom the token of the request names, if the gateway says so. */
  readonly caller: string | null;
  readonly message: Message;
}

/** Sends a request to the gateway. Cookies go with it, unless `init` says otherwise. Rejects if there is no answer. */
export async function request(env: Env, url: string, init?: RequestInit): Promise<Reply> {
  const response = await env.fetch(url, { credentials: 'include', cache: 'no-store', ...init });
  return {
    status: +response.status,
    retryAfter: headerMs(response.headers, 'Retry-After', env.now()),
    caller: response.headers.get('X-Nudge-Caller'),
    message: read(await response.json().catch(() => null)),
  };
}

/** The wait that a header asks for, in ms: it may be given in seconds or as a date. 0 if it asks for none, or cannot be read. */
export function headerMs(headers: PollResult['headers'], name: string, now: number): number {
  try {
    const text = headers?.get?.(name) as string;
    const wait = +text * 1000 || Date.parse(text) - now;
    return wait > 0 ? Math.min(wait, LONGEST) : 0;
  } catch {
    return 0; // the headers are the application's, and may throw
  }
}
