import type { Window } from './pace.js';
import type { PollReason, Push, Reason, Stats } from './types.js';
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
  unserved?: Unserved;
  /** The newest version that the page itself made. */
  own?: number;
  /** What the last poll was asked for. */
  asked?: { have: number; want?: number };
  /** What a safety poll found, until it is judged. */
  found?: number;
}

/** Why a stream does not serve a project. */
export const enum Unserved {
  No,
  New, // it was opened before
  LeftOut,
}

/** A stream as the reducer sees it. `due` is when it is lost, unless it has come further by then. */
export interface Stream {
  id: number;
  state: 'connecting' | 'open' | 'proven';
  /** The poll interval that it allows, once it is proven. */
  poll?: number;
  heartbeat: number;
  helloAt?: number;
  lastAt?: number;
  due: number;
  /** What had piled up while the page slept has had its time. */
  drained?: boolean;
}

/** What comes next for the link. */
export const enum Step {
  None,
  Ask,
  Open,
  Authorize,
  Begin,
  Hold,
  GiveUp, // its question was not answered in time
}

/** What the link asks: the gateway's terms, the page's token, a session for it, the versions as soon as one differs. */
export type Question = 'terms' | 'token' | 'session' | 'versions';

/** Why nothing is tried at the moment. Only a pause of the link's own choice may be cut short. */
export const enum Rest {
  Own,
  Asked, // the gateway said when to come back
  Verdict, // no stream is to be had for now
  Away, // the page has been left, or is not there yet
}

/** What has a time of its own, besides streams and polls. */
export type Timer =
  | 'step' // the link's next
  | 'grace' // after a goodbye ends
  | 'renewal' // of the token
  | 'audit' // of what a safety poll found
  | 'pressure' // the poll in flight seems to find no connection
  | 'patience'; // with the poll in flight ends

/** What the application decides, and what its browser can do. */
export interface Terms {
  /** The interval until a gateway says another. */
  fast: number;
  /** The least interval while the tab is hidden. */
  hidden: number;
  /** What becomes of push. */
  policy: 'auto' | 'off' | 'shadow';
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

/**
 * All that the shim knows. It is data: whatever happens makes another one of it, in `reduce` and nowhere else. What may be
 * absent is not the case while it is absent, false or 0.
 */
export interface State extends Terms {
  time: number;
  ledger: Entry[];
  /** What the page wants instead of polls. */
  idle?: 'paused' | 'stopped' | undefined;
  hiddenAt?: number; // since when the tab is
  at: Partial<Record<Timer, number>>; // when each is due; Infinity: it is not

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
  newsWindow?: Window;
  newsAt: number; // when the last news-driven poll began
  behindAt?: number; // since when push has known more than the page, if it does
  wished?: boolean; // the page wants a poll at once
  hurry?: PollReason; // why to poll again soon after the poll in flight
  failures: number;
  tries: number;
  flight?: number; // the number of the poll in flight
  lastPollAt: number | null;
  slow?: boolean; // its pressure has been put off once
  safety?: boolean; // the poll in flight may find what push has missed
  quiet?: number; // until when nothing is reported

  // The link.
  reason: Reason;
  held?: Stream; // the one that counts
  fresh?: Stream; // the one that is to replace it
  rest: Rest;
  step: Step;
  question?: number; // the number of the one whose answer is heard
  what?: Question; // the kind of that one
  again: Step; // what follows if nobody answers it
  grace?: number; // the poll interval kept after a goodbye
  armed?: boolean; // the token's renewal has its time
  retold?: boolean; // the token has been fetched anew because the gateway refused it
  losses: number; // in a row
  mute?: boolean; // the last stream was mute
  mutes: number; // mute streams in a row
  crowds: number; // how often streams made way for polls; no proof speaks against it
  coolEnd: number; // until when /versions stands in for streams; 0: it does not
  provenAt: number; // when the newest proof was given

  // Counted.
  asked: number; // questions, which is the number of the newest; so are the streams and polls of:
  stats: { -readonly [K in keyof Stats]: Stats[K] };
  credit: number; // polls that push made needless, up to now; the stats have those up to the last poll
}

/** Names are for the source only: nobody outside the core sees them. The same goes for `Deed`. */
export const enum Kind {
  Start,
  Tick,
  Leave,
  Back,
  Online,
  Hidden,
  Visible,
  Pause,
  Resume,
  Stop,
  Refresh,
  Login,
  Logout,
  Said,
  Lost,
  Replied,
  Failed,
  Token,
  Polled,
  Unpolled,
  Made,
  Unapplied,
  Watch,
  Unwatch,
}

/** What happens to a page. Numbers are those of the effects that they answer. */
export type Event =
  | { kind: Visit | Kind.Tick }
  | { kind: Kind.Pause | Kind.Resume | Kind.Stop | Kind.Refresh | Kind.Login | Kind.Logout }
  | { kind: Kind.Said; sign: Sign; id: number; message: Message }
  | { kind: Kind.Lost; id: number }
  | { kind: Kind.Replied; id: number; status: number; retryAfter: number; message: Message }
  | { kind: Kind.Failed; id: number }
  | { kind: Kind.Token; id: number; granted: boolean }
  | { kind: Kind.Polled | Kind.Unpolled; id: number; versions: Record<string, unknown>; retryAfter: number; pollInterval: number }
  | { kind: Kind.Made; project: string; version: number; prev?: number | undefined }
  | { kind: Kind.Unapplied; project: string; prev: number }
  | { kind: Kind.Watch | Kind.Unwatch; projects: Readonly<Record<string, unknown>> };

/** What the browser does with a page. */
export type Visit = Kind.Start | Kind.Leave | Kind.Back | Kind.Online | Kind.Hidden | Kind.Visible;

/** What streams say. */
export type Sign = 'hello' | 'version' | 'heartbeat' | 'goodbye';

/** The event of that kind. */
export type Of<K extends Kind, E = Event> = E extends { kind: Kind } ? (K extends E['kind'] ? E : never) : never;

export const enum Deed {
  Open,
  Close,
  Ask,
  Poll,
  Abort,
  Report,
  Apply,
  News,
}

/** What is to be done. */
export type Effect =
  | { kind: Deed.Open | Deed.Close; id: number }
  | { kind: Deed.Ask; id: number; what: Question; why: TokenReason }
  | { kind: Deed.Poll; id: number; reason: PollReason }
  | { kind: Deed.Abort; id: number | undefined }
  | { kind: Deed.Report; project: string; version: number }
  | { kind: Deed.Apply; message: Message }
  | { kind: Deed.News; project: string; version: number };

export type TokenReason = 'start' | 'expiring' | 'refused';

/** A state while it is being changed: a copy of the old one, with chance, and with what is to be done for it. */
export interface Turn extends State {
  draw: () => number;
  effects: Effect[];
}

export function initial(terms: Terms, now: number): State {
  return {
    ...terms,
    time: now,
    ledger: [],
    at: {},
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
    failures: 0,
    tries: 0,
    reason: 'starting',
    rest: Rest.Away,
    step: Step.None,
    again: Step.None,
    losses: 0,
    mutes: 0,
    crowds: 0,
    coolEnd: 0,
    provenAt: 0,
    asked: 0,
    stats: { startedAt: now, polls: 0, newsPolls: 0, failedPolls: 0, events: 0, streams: 0, saved: 0, missed: 0, lagMs: null },
    credit: 0,
  };
}
