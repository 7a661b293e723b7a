import type { Reply } from './gateway-requests.js';

/** What an answer means for the stream. */
export type Verdict = 'go' | 'token' | 'off' | 'denied' | 'busy' | 'unreachable' | 'captive';

/** What an answer means. `projects`: those for which it was asked how things stand, at /poll-interval. */
export function judge({ status, message }: Reply, projects: string[] | undefined): Verdict {
  if (status === 401) return 'token';
  if (status === 400 || status === 403) return 'denied';
  if (status === 429 || status === 503) return 'busy';
  if (!(status >= 200 && status <= 299)) return 'unreachable';
  if (!projects) return 'go';
  const allowed = projects.filter((id) => !message.denied.includes(id));
  if (!allowed.length) return message.anonymous ? 'token' : 'denied';
  if (message.push === 'off' || allowed.every((id) => message.off.includes(id))) return 'off';
  if (message.refusing) return 'busy';
  // Somebody else answers in the gateway's place, such as the login page of a network.
  return message.fast_ms ? 'go' : 'captive';
}
