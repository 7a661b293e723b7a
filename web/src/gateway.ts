import type { Question } from './state.js';
import type { Env, PollResult } from './types.js';
import { type Message, read } from './wire.js';

const enum Ms {
  /** Nobody can send a page away for longer than this. */
  Longest = 3_600_000,
}

/** An answer of the gateway. */
export interface Reply {
  status: number;
  /** What Retry-After asks for, in ms: it may be given in seconds or as a date. */
  retryAfter: number;
  message: Message;
}

/** What the answer to a question means for the stream. */
export type Verdict = 'go' | 'token' | 'off' | 'denied' | 'busy' | 'unreachable' | 'captive';

/** Puts a question to the gateway. Cookies go with it, unless `init` says otherwise. Rejects if there is no answer. */
export async function request(env: Env, url: string, init?: RequestInit): Promise<Reply> {
  const response = await env.fetch(url, { credentials: 'include', cache: 'no-store', ...init });
  return {
    status: response.status,
    retryAfter: wished(response.headers, 'Retry-After', env.now()),
    message: read(await response.json().catch(() => null)),
  };
}

/** The wait that a header asks for, in ms: it may be given in seconds or as a date. */
export function wished(headers: PollResult['headers'], name: string, now: number): number {
  const text = headers?.get?.(name) as string;
  const wait = +text * 1000 || Date.parse(text) - now;
  return wait > 0 ? Math.min(wait, Ms.Longest) : 0;
}

/** Judges the answer to a question, for a page with these projects. */
export function judge({ status, message }: Reply, projects: string[], what: Question = 'terms'): Verdict {
  if (status === 401) return 'token';
  if (status === 400 || status === 403) return 'denied';
  if (status === 429 || status === 503) return 'busy';
  if (status < 200 || status > 299) return 'unreachable';
  const allowed = projects.filter((id) => !message.denied.includes(id));
  if (!allowed.length) return message.anonymous ? 'token' : 'denied';
  if (message.push === 'off' || allowed.every((id) => message.off.includes(id))) return 'off';
  if (message.refusing) return 'busy';
  // Somebody else answers in the gateway's place: the login page of a network, for one.
  return message.fast_ms || what !== 'terms' ? 'go' : 'captive';
}
