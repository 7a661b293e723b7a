import type { Window } from './pace.js';
import type { PollReason, Push, Reason } from './types.js';
import type { Message } from './wire.js';

/** What becomes of a project: who has which version of it, the page, and what gateways have named. */
export interface Entry {
  id: string;
  /** How many of those who watch it are left. */
  watchers: number;
  /** The version that the page has. */
  have: number;
  /** What a gateway last named, */
  told?: number;
  /** and whether that still stands. */
  stands?: boolean;
  /** A poll is due for it, whatever the numbers say. */
  owed?: boolean;
  /** Why the stream does not serve it. */
  unserved?: 'new' | 'left out' | '';
  /** The newest version that the page itself made. */
  own?: number;
  /** What the last poll was asked for. */
  asked?: { have: number; want?: number };
  /** What a safety poll found, until it is judged. */
  found?: number;
}

/** A stream as the reducer sees it. `due` is when it is lost, unless it has come further by then. */
export interface Stream {
  id: number;
  state: 'connecting' | 'open' | 'proven';
  /** The poll interval that it allows, once it is proven. */
  poll?: number;
  heartbeat: number;
  helloAt: number;
  lastAt: number;
  due: number;
  /** What had piled up while the page slept has had its time. */
  drained?: boolean;
}

/** What comes next for the link. `giveUp`: its question was not answered in time. */
export type Step = 'ask' | 'open' | 'authorize' | 'begin' | 'hold' | 'giveUp' | '';

/** What the link asks: the gateway's terms, the page's token, a session for it, the versions as soon as one differs. */
export type Question = 'terms' | 'token' | 'session' | 'versions';

/** Why nothing is tried at the moment. Only a pause of the link's own choice may be cut short. */
export const enum Rest {
  Own,
  Asked, // the gateway said when to come back
  Verdict, // no stream is to be had for now
  Away, // the page has been left, or is not there yet
}

/** What the application decides, and what its browser can do. */
export interface Terms {
  /** The interval until a gateway says another. */
  fast: number;
  /** The least interval while the tab is hidden. */
  hidden: number;
  push: 'auto' | 'off' | 'shadow';
  /** The page has a way to get tokens. */
  tokens: boolean;
  /** Tokens go into a header, so that no session is needed. */
  bearer: boolean;
  /** The browser can open streams. */
  streams: boolean;
  /** There is a gateway to ask, which outside a browser nobody may have named. */
  reach: boolean;
  /** The page takes changes that come with the news of them. */
  applies: boolean;
  /** The tag of changes that the page itself made. */
  writer?: string | undefined;
}

/** All that the shim knows. It is data: whatever happens makes another one of it, in `reduce` and nowhere else. */
export interface State extends Omit<Terms, 'push'> {
  mode: Terms['push'];
  now: number;
  entries: Entry[];
  paused: boolean;
  hiddenAt: number; // 0 while it is visible

  // What gateways said.
  push: Push;
  jitter: number;
  gap: number; // how far apart news-driven polls are
  lastEventAt: number | null;
  spread: number; // of the newest news
  ttl?: number; // how long their terms hold

  // The poll loop.
  due: number;
  base: number; // the interval that `due` was drawn from
  cycleAt: number; // when the wait for it began
  longest: number; // the longest interval since
  why: PollReason;
  floor: number; // before it the application wants no poll but for news,
  wait: number; // and before this one none at all
  window?: Window;
  newsAt: number; // when the last news-driven poll began
  behindAt: number; // since when push has known more than the page; 0: it does not
  wished: boolean; // the page wants a poll at once
  hurry?: PollReason; // why to poll again soon after the poll in flight
  failures: number;
  tries: number;
  flight: number; // the number of the poll in flight; 0: none
  flightAt: number;
  lastPollAt: number | null;
  pressure: number; // when it seems to find no connection
  slow: boolean; // that has been put off once
  safety: boolean; // the poll in flight may find what push has missed
  audit: number; // when what it found is judged
  quiet: number; // until when nothing is reported

  // The link.
  reason: Reason;
  held?: Stream; // the one that counts
  fresh?: Stream; // the one that is to replace it
  rest: Rest;
  step: Step;
  stepAt: number;
  question: number; // the number of the one whose answer is heard; 0: none
  what: Question;
  again: Step;
  grace?: number; // the poll interval kept after a goodbye
  graceEnd: number;
  renewal: number; // when a new token is due
  armed: boolean; // it has its time
  retold: boolean; // the token has been fetched anew because the gateway refused it
  losses: number; // in a row
  mute: boolean; // the last stream was mute
  mutes: number; // mute streams in a row
  crowds: number; // how often streams made way for polls; no proof speaks against it
  coolEnd: number; // until when /versions stands in for streams; 0: it does not
  provenAt: number; // when the newest proof was given

  // Counted.
  streamed: number; // streams, which is the number of the newest; likewise:
  asked: number;
  polls: number;
  newsPolls: number;
  failedPolls: number;
  events: number;
  credit: number; // polls that push made needless, up to now
  saved: number; // and up to the last poll
  missed: number;
  lagMs: number | null;
}

/** What happens to a page. Numbers are those of the effects that they answer. */
export type Event =
  | { kind: 'start' | 'tick' | 'leave' | 'back' | 'online' | 'hidden' | 'visible' }
  | { kind: 'pause' | 'resume' | 'refresh' | 'login' | 'logout' }
  | { kind: Sign; id: number; message: Message }
  | { kind: 'lost'; id: number }
  | { kind: 'replied'; id: number; status: number; retryAfter: number; message: Message }
  | { kind: 'failed'; id: number }
  | { kind: 'token'; id: number; granted: boolean }
  | { kind: 'polled'; id: number; versions: Record<string, unknown>; retryAfter: number; pollInterval: number }
  | { kind: 'unpolled'; id: number; retryAfter: number; pollInterval: number }
  | { kind: 'made'; project: string; version: number; prev?: number | undefined }
  | { kind: 'unapplied'; project: string; prev: number }
  | { kind: 'watch' | 'unwatch'; projects: Readonly<Record<string, unknown>> };

/** What streams say. */
export type Sign = 'hello' | 'version' | 'heartbeat' | 'goodbye';

export type Kind = Event['kind'];
export type Of<K extends Kind> = Extract<Event, { kind: K }>;

/** What is to be done. */
export type Effect =
  | { kind: 'open' | 'close'; id: number }
  | { kind: 'ask'; id: number; what: Question; why: TokenReason }
  | { kind: 'poll'; id: number; reason: PollReason }
  | { kind: 'abort'; id: number }
  | { kind: 'report'; project: string; version: number }
  | { kind: 'apply'; message: Message }
  | { kind: 'news'; project: string; version: number };

export type TokenReason = 'start' | 'expiring' | 'refused';

/** A state while it is being changed: a copy of the old one, with chance, and with what is to be done for it. */
export interface Turn extends State {
  random: () => number;
  effects: Effect[];
}

export function initial(terms: Terms, now: number): State {
  const { push: mode, ...rest } = terms;
  return {
    ...rest,
    mode,
    now,
    entries: [],
    paused: false,
    hiddenAt: 0,
    push: 'unknown',
    jitter: 0.2,
    gap: 1000,
    spread: 0,
    lastEventAt: null,
    lastPollAt: null,
    due: Infinity,
    base: 0,
    cycleAt: 0,
    longest: 0,
    why: 'interval',
    floor: 0,
    wait: 0,
    newsAt: 0,
    behindAt: 0,
    wished: false,
    failures: 0,
    tries: 0,
    flight: 0,
    flightAt: 0,
    pressure: Infinity,
    slow: false,
    safety: false,
    audit: Infinity,
    quiet: 0,
    reason: 'starting',
    rest: Rest.Away,
    step: '',
    stepAt: Infinity,
    question: 0,
    what: 'terms',
    again: '',
    graceEnd: Infinity,
    renewal: Infinity,
    armed: false,
    retold: false,
    losses: 0,
    mute: false,
    mutes: 0,
    crowds: 0,
    coolEnd: 0,
    provenAt: 0,
    streamed: 0,
    asked: 0,
    polls: 0,
    newsPolls: 0,
    failedPolls: 0,
    events: 0,
    credit: 0,
    saved: 0,
    missed: 0,
    lagMs: null,
  };
}
