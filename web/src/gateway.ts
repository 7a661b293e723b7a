import type { Env } from './types.js';
import { type Message, read } from './wire.js';

/** No gateway can send a page away for longer than this. */
const LONGEST = 3_600_000;

/** An answer of the gateway. */
export interface Reply {
  status: number;
  /** What Retry-After asks for, in ms: it may be given in seconds or as a date. */
  retryAfter: number;
  message: Message;
}

/** What the answer to a question means for the stream. */
export type Verdict = 'go' | 'token' | 'off' | 'denied' | 'busy' | 'unreachable';

/** Puts a question to the gateway. Cookies go with it, for the token is one. Rejects if there is no answer. */
export async function request(env: Env, url: string, init?: RequestInit): Promise<Reply> {
  const response = await env.fetch(url, { ...init, credentials: 'include', cache: 'no-store' });
  const text = response.headers.get('Retry-After') ?? '';
  const wait = Number(text) * 1000 || Date.parse(text) - env.now();
  return {
    status: response.status,
    retryAfter: wait > 0 ? Math.min(wait, LONGEST) : 0,
    message: read(await response.json().catch(() => null)),
  };
}

/** Judges an answer, for a page with these projects. */
export function judge({ status, message }: Reply, projects: string[]): Verdict {
  const { push, off, denied, refusing } = message;
  if (status === 401) return 'token';
  if (status === 400 || status === 403) return 'denied';
  if (status === 429 || status === 503) return 'busy';
  if (status < 200 || status > 299) return 'unreachable';
  const allowed = projects.filter((id) => !denied.includes(id));
  if (!allowed.length) return 'denied';
  if (push === 'off' || allowed.every((id) => off.includes(id))) return 'off';
  return refusing ? 'busy' : 'go';
}
