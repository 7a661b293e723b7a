// Before a stream is opened: begin → token → session → stream, and terms, by which the page learns why it has none.

import type { Core } from './env.js';
import type { createCadence } from './gateway-cadence.js';
import type { Lifetime } from './stream-lifetime.js';
import type { Reply } from './gateway-requests.js';
import type { Token } from './token.js';
import { MAX_PROJECTS, projectQuery } from './transports/url.js';
import type { Reason, Transport } from './types.js';
import { judge } from './refusals.js';
import { Wait, type NextStep } from './connection-next-step.js';

export interface Settings {
  /** Root of the gateway, without trailing slash. Empty: there is none to ask. */
  readonly gateway: string;
  /** How streams are opened; missing where the browser cannot. */
  readonly transport: Transport | undefined;
  /** Opens streams with the token in a header, where the cookie does not come back. Missing if the page chose a transport. */
  readonly byHeader: Transport | undefined;
  /** What brings news where streams do not get through. */
  readonly held: Transport;
  readonly lifetime: Lifetime;
  /** The page wants no stream: the gateway only sets the pace. */
  readonly off: boolean;
  readonly fast: number;
}

/** What it needs of the connection. */
export interface Steps {
  marks(): Record<string, number>;
  /** True if there is no project, and so nothing to ask for. */
  idles(): boolean;
  /** It did not work: `again` comes after a while, `atLeast` if the gateway said so. */
  failed(why: Reason, again: () => void, atLeast?: number): void;
  /** It is refused: `again` comes when that may have changed. */
  halt(why: Reason, again: () => void): void;
  open(): void;
  /** The gateway lets a stream be opened, after so many ms if it said so. */
  admitted(ms?: number): void;
  /** A stream has shown that a token was taken. */
  everProven(): boolean;
}

const HEADER = 'send the token in a header, with the option transport: fetchStream()';
const NOBODY = 'log in, or set the option getToken';

export function createAdmission(env: Core, next: NextStep, cadence: ReturnType<typeof createCadence>, token: Token, settings: Settings, steps: Steps) {
  const { marks, idles, failed, halt, everProven } = steps;
  const { ask } = next;
  const { gateway, byHeader } = settings;
  let unheard = 0; // attempts without an answer; NaN: one has come

  /** The first stream, or that after an absence. */
  function begin() {
    next.waits = Wait.Own;
    if (idles()) return;
    if (!token.ready()) authorize();
    else if (settings.off) terms();
    else steps.open();
  }

  function authorize() {
    if (token.pending()) grant();
    else fetchToken();
  }

  function fetchToken() {
    ask(
      (signal) => token.fetch(signal, everProven()),
      (got) => (got ? grant() : halt('token', authorize)),
      () => failed('token', authorize),
    );
  }

  function grant() {
    if (token.inHeader) {
      token.taken();
      return connect();
    }
    ask(token.grant, (reply) => replied(reply, authorize), () => unreached(authorize));
  }

  // ---- terms: asks how things stand, and so why a stream may have ended

  function terms() {
    if (idles()) return;
    const projects = marks();
    ask(
      (signal) => token.call(`/poll-interval?${projectQuery(projects)}`, { signal }),
      (reply) => replied(reply, terms, Object.keys(projects).slice(0, MAX_PROJECTS)),
      () => unreached(terms),
    );
  }

  /** A browser does not tell a page why it gets no answer. */
  function unreached(again: () => void) {
    if (++unheard === 3 && !everProven()) env.warn(`no answer of ${gateway} reaches this page: it is away, ${token.foreign ? `its cors.origins lack ${env.origin}, ` : ''}or the page's Content-Security-Policy lacks it in connect-src`);
    failed('unreachable', again);
  }

  /** The terms for these projects have come, or without projects the token was taken, or neither. */
  function replied(reply: Reply, again: () => void, projects?: string[]) {
    const { message, status, retryAfter, caller } = reply;
    unheard = NaN;
    cadence.follow(message);
    if (projects && token.isForeign(message)) return replaced();
    const verdict = judge(reply, projects);
    if (!projects && verdict === 'go') token.taken(caller);
    // The gateway makes no cookies, or none that is so large.
    if (!projects && (status === 404 || status === 413) && message.code && turnToHeader()) return connect();
    switch (verdict) {
      case 'go':
        return connect(message.connect_after_ms);
      case 'token': // a cookie that has expired is not sent: to the gateway this page is then nobody, who may see nothing
      case 'denied':
        return refused(reply, verdict, verdict === 'token' && token.wanted ? authorize : terms);
      case 'off':
        cadence.said.push = verdict;
        return halt(verdict, terms);
    }
    const captive = verdict === 'captive';
    if (captive || status === 404) elsewhere();
    failed(verdict, again, captive ? 0 : retryAfter); // who knows what asks for that
  }

  /** The token goes with each request from now on, if the page lets that be. */
  function turnToHeader(): boolean {
    if (!byHeader || token.inHeader || !token.value()) return false;
    token.useHeader();
    return true;
  }

  /** Another page of this browser has given the gateway the token of another user, and the browser has one cookie. */
  function replaced() {
    if (turnToHeader()) return connect();
    env.warn(`another page has replaced the cookie of ${gateway}; ${HEADER}`);
    token.replaced();
    failed('token', authorize);
  }

  /** Such as the start page of the application, which many applications answer with at paths that they do not know. */
  function elsewhere() {
    env.warn(`${gateway} answers, but not as a gateway: check the option "gateway" and the proxy`);
  }

  /** Once with another token; then it is a refusal. */
  function refused({ status, message: { anonymous, detail } }: Reply, why: Reason, then: () => void) {
    // The gateway has taken the token twice, and the cookie that it made has not come back.
    if (anonymous && token.refused && turnToHeader()) return connect();
    if (token.retry()) return fetchToken();
    if (anonymous) env.warn(`no token reaches ${gateway}; ${token.wanted ? HEADER : NOBODY}`);
    else env.warn(`${gateway} refuses this page: ${detail || (status === 200 ? 'the token covers none of its projects' : `HTTP ${status}`)}`);
    halt(why, then);
  }

  function connect(ms?: number) {
    if (settings.off) halt('off', terms);
    else steps.admitted(ms);
  }

  return {
    begin,
    authorize,
    fetchToken,
    terms,
    replaced,
  };
}
