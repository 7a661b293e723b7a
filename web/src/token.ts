// The token of the page, and what the gateway makes of it. No URL ever holds a token: the gateway gets it once, for a cookie,
// or in a header of each request.

import type { Core } from './env.js';
import { type Reply, request } from './gateway-requests.js';
import { between } from './interval-math.js';
import { createTimer } from './timer.js';
import type { Message } from './messages.js';
import type { Options } from './types.js';

/** A token with less left is not renewed: the gateway says goodbye when it ends. */
const SOONEST_RENEWAL = 10_000;

/** What may stand in a header as a token (RFC 6750, section 2.1). A page for logging in, which could not even be sent, is none. */
const TOKEN = /^\s*[\w.~+/-]+=*\s*$/;

export type Token = ReturnType<typeof createToken>;

/** `renew` is called when it is time to get another. */
export function createToken(env: Core, gateway: string, bearer: boolean, getToken: Options['getToken'], renew: () => void) {
  let inHeader = bearer; // of each request; else the gateway makes a cookie of it
  let older = false; // the gateway is of an earlier build, which knows only Authorization
  let caller: string | null | undefined; // whom the gateway said that the token names
  let wanted = !!getToken;
  let given: string | null | undefined; // by the page, unasked
  let token: string | null | undefined; // in use
  let granted = false; // the gateway has it
  let cookie = false; // of the gateway's making
  let refused = false; // it was fetched anew since the gateway refused it
  let expiresAt = Infinity;
  const renewal = createTimer(env, renew);

  /** Authorization is left to other software, such as a proxy that asks for a password. */
  function headers(): Record<string, string> {
    if (!token) return {};
    return older ? { Authorization: `Bearer ${token}` } : { 'X-Nudge-Token': token };
  }

  function call(path: string, init?: RequestInit): Promise<Reply> {
    return inHeader ? send(path, { ...init, credentials: 'same-origin' }) : request(env, gateway + path, init);
  }

  /** Whether the gateway is on another origin than the page. */
  const foreign = !!env.origin && /^(\w+:)?\/\//.test(gateway) && !`${gateway}/`.startsWith(`${env.origin}/`);

  /** Sends a request with the token. */
  async function send(path: string, init: RequestInit): Promise<Reply> {
    try {
      const reply = await request(env, gateway + path, { ...init, headers: headers() });
      const { code, anonymous } = reply.message;
      if (!token || older || !(anonymous || code === 'missing')) return reply;
    } catch (error) {
      // On another origin the browser asks first, and an older gateway does not allow the header. That looks like no answer.
      if (token && !init.signal?.aborted && foreign) older = !older;
      throw error;
    }
    older = true;
    return send(path, init);
  }

  /** The gateway is asked to take its cookie back. Nothing depends on it. */
  function end() {
    if (cookie) call('/session', { method: 'DELETE', keepalive: true }).catch(() => {});
    cookie = granted = false;
  }

  return {
    call,
    foreign,
    value: () => token ?? null,
    /** The headers of a stream; none where the token is in a cookie. */
    headers: () => (inHeader ? headers() : undefined),
    get inHeader() {
      return inHeader;
    },
    get refused() {
      return refused;
    },
    /** From now on the token goes with each request. */
    useHeader() {
      granted = inHeader = true;
      refused = cookie = false; // whosever the cookie is
    },
    /** The gateway says that it answers to somebody else: another page has replaced the cookie of this one. */
    isForeign: (message: Message) => !inHeader && !!caller && !!message.caller && message.caller !== caller,
    /** The gateway has another cookie now. */
    replaced() {
      granted = false;
    },
    /** There is a way to get a token. */
    get wanted() {
      return wanted;
    },
    /** No token is needed, or the gateway has one that holds. */
    ready(): boolean {
      return !wanted || (granted && env.now() < expiresAt - SOONEST_RENEWAL);
    },
    /** The page has a token that the gateway could not be given yet. */
    pending: () => !!token && !granted,
    /** Gets a token from the page. `proven`: a stream has shown that the last one was taken. Gives whether there is one. */
    async fetch(signal: AbortSignal, proven: boolean): Promise<boolean> {
      const reason = refused ? 'refused' : proven ? 'expiring' : 'start';
      if (refused && getToken) given = undefined; // where there is no other, a refusal may have been a mistake of the gateway's
      granted = false;
      renewal.set(Infinity);
      let got = given;
      try {
        if (got === undefined) got = await getToken?.({ reason, signal });
      } catch (error) {
        if (!signal.aborted) env.warn(`getToken failed, and is tried again: ${String(error)}`);
        throw error;
      }
      const usable = typeof got === 'string' && TOKEN.test(got) ? got.trim() : null;
      // The text is not shown: it may hold a secret.
      if (got && !usable) env.warn('what getToken gave is no token: give null, or the JWT alone without quotes and "Bearer"');
      if (!signal.aborted) token = usable;
      return !!usable;
    },
    /** Gives it to the gateway. */
    grant: (signal: AbortSignal) => send('/session', { method: 'POST', signal }),
    /** Each request carries the token, or the gateway has made a cookie of it, and says whom it names. */
    taken(whom?: string | null) {
      granted = true;
      cookie = !inHeader;
      caller = whom;
    },
    /** A stream opened with it. It has so many ms left, if that is known. */
    accepted(left: number) {
      refused = false;
      if (!(left >= 0)) return;
      expiresAt = env.now() + left;
      // Pages that logged in together need not renew together.
      if (wanted && renewal.at === Infinity) renewal.set(env.now() + Math.max(left * between(env.random(), 0.7, 0.9), SOONEST_RENEWAL));
    },
    /** The gateway refuses it. True if another may be fetched: once, then it is a verdict. */
    retry(): boolean {
      const again = wanted && !refused;
      refused = again;
      if (!again) {
        token = undefined;
        granted = false;
      }
      return again;
    },
    /** A user has logged in, or out. */
    set(next: string | null) {
      end();
      given = next;
      token = caller = undefined;
      wanted ||= !!next;
      refused = false;
    },
    end() {
      renewal.set(Infinity);
      end();
    },
  };
}
