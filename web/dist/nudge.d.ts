/// <reference lib="esnext.disposable" />

// What an application sees of Nudge. Durations are in milliseconds, points in time are epoch milliseconds.

/**
 * Starts to poll, and lets the gateway say when. The poll loop never stops: push makes polls earlier or rarer, never absent,
 * and where no gateway answers the page polls at its own `interval`. Nothing here ever throws into the application.
 *
 * Requests to the gateway carry cookies, for the token is one. A gateway on another origin must therefore name the page's
 * origin in its CORS headers. `env` replaces parts of the browser, for tests.
 */
export declare function createNudge(options: Options, env?: Partial<Env>): Nudge;

/** Why a poll is made. */
export type PollReason =
  | 'start' // the page began, and wanted a poll at once
  | 'interval' // its time had come
  | 'news' // push announced something
  | 'behind' // the last answer was older than what push had announced
  | 'retry' // the last poll failed
  | 'refresh' // the page asked for it
  | 'return' // the page was away: hidden for long, or in the back/forward cache
  | 'online'; // the network came back

/** What the shim tells the application's poll. */
export interface PollContext {
  readonly reason: PollReason;
  /** Per project the version that the page has and, if push knows a newer one, the version that it wants. */
  readonly projects: Readonly<Record<string, { readonly have: number; readonly want?: number }>>;
  /** Aborted by `stop()`, and after a minute without an answer. */
  readonly signal: AbortSignal;
  /** The trace (W3C) of the news that causes this poll, if publisher and gateway record one. Send it as the header `traceparent`. */
  readonly traceparent?: string | undefined;
}

/**
 * A version as applications write it: an integer from 0 to 2^53 - 1, as a number or as its decimal digits ("123", as some
 * databases give it). Anything else counts as unknown; the console names the project and the value, once.
 */
export type Version = number | string;

/** Project ids, each with the version that the page has of it. */
export type Versions = Readonly<Record<string, Version>>;

/** Projects with their versions, or ids alone: then the versions are unknown. */
export type Projects = Versions | readonly (string | number)[] | string | number;

/** The versions that the page has now. A project left out counts as brought up to what was wanted. */
export interface PollResult {
  readonly versions?: Versions;
  /** Projects whose data, as `apply` had put it there, was wrong. They are reported, and this page takes no more pushed data. */
  readonly differs?: readonly string[];
  /**
   * The headers of the application's answer, such as those of a Response: its word on when to poll again. `Retry-After`: not
   * before. `X-Poll-Interval`: not before either, but for news. Both in seconds, an hour at most, and only ever longer than
   * the gateway's pace. Each answer counts anew.
   */
  readonly headers?: { get(name: string): string | null };
}

/** A change that came with the news of it, as its publisher gave it. It may have further fields, which mean nothing. */
export interface Delivery {
  readonly project: string;
  /** The version that the page has with it. */
  readonly version: number;
  /** The version that the change was made upon: the page's own. */
  readonly prev: number;
  readonly data: unknown;
}

/** A request of the application: "what changed since?" It may throw. That never stops the loop. */
export type Poll = (context: PollContext) => PollResult | undefined | void | Promise<PollResult | undefined | void>;

export interface Options {
  /** The projects on the page, each with the version it was rendered at. More than 64 need `multi()` of nudge/multi. */
  readonly projects?: Projects;
  /**
   * The poll that the application already had. It may give or throw a Response: of an error the shim reads its `Retry-After`, and
   * 304 means that nothing is newer than what was asked for. A page whose polls are all made by `every` leaves it out.
   */
  readonly poll?: Poll;
  /** Polls at once when the page starts. Default: the first poll comes after one interval. */
  readonly immediate?: boolean;
  /**
   * Makes a change that the gateway brought, so that no poll is needed for it. Called only while the page is exactly at
   * `prev`, knows of nothing newer and has no poll in flight; anything else is polled for. It must be done when it returns:
   * then the page has `version`. If it throws, the page polls.
   */
  apply?(delivery: Delivery): void;
  /** The tag that publishers give to changes of this very page: it has them already, and does not poll for them. */
  readonly writer?: string;
  /** Where the gateway is; may contain a base path. Default: the page's origin. */
  readonly gateway?: string;
  /** The interval of `poll` until a gateway has named one. Default: 10,000. */
  readonly interval?: number;
  /** @deprecated The old name of `interval`. */
  readonly fast?: number;
  /** What carries streams: `tabs()` of nudge/tabs, `fetchStream()` of nudge/fetch, `multi()` of nudge/multi. Default: the browser's EventSource. */
  readonly transport?: Transport;
  /**
   * Run even where there is no page, as in Node or Deno. By default an instance that a server creates while it renders does
   * nothing: it does not poll, and does not keep the process alive. Workers count as a page.
   */
  readonly server?: boolean;
  /** The least interval while the tab is hidden. Default: 60,000; five times as long where the browser saves data. */
  readonly hidden?: number;
  /**
   * `off`: no stream; the gateway still sets the pace. `shadow`: a stream, but the page polls as if it had none. `stats` tells
   * what push would have done, and the gateway is sent what the polls saw: evidence before the switch. Default: `auto`.
   */
  readonly push?: 'auto' | 'off' | 'shadow';
  /**
   * Gives the token for the gateway; null while nobody is logged in. Not needed where the application sets the cookie. `start`:
   * there is none yet; `expiring`: the one in use ends soon, or has ended; `refused`: the gateway does not take it. The
   * signal is aborted when nobody waits for it any more.
   */
  getToken?(context: {
    readonly reason: 'start' | 'expiring' | 'refused';
    readonly signal: AbortSignal;
  }): Promise<string | null | undefined> | string | null | undefined;
  /** Stops the instance when aborted. */
  readonly signal?: AbortSignal;
}

/** `push`: news comes by itself and polls are rare. `poll`: polls do the work. */
export type Mode = 'push' | 'poll' | 'paused' | 'stopped';

/** The state of push as a gateway last told it. */
export type Push = 'healthy' | 'degraded' | 'down' | 'off' | 'unknown';

/** `open` has said hello; `proven` has also shown that it delivers. `waiting` comes back by itself, soon. */
export type StreamState = 'none' | 'waiting' | 'connecting' | 'open' | 'proven';

/** Why things are as they are. */
export type Reason =
  | 'starting' // nothing is known yet
  | 'proving' // a stream is open and has yet to show that it delivers
  | 'streaming' // all is well
  | 'degraded' // push works, the gateway does not fully trust it
  | 'down' // the gateway hears nothing from its source
  | 'uncovered' // the stream does not serve every project of the page
  | 'goodbye' // the gateway ended the stream on purpose; it comes back
  | 'lost' // the stream broke
  | 'cut' // something on the way ends streams at a fixed age; see `cut`
  | 'mute' // something on the way holds streams back, or blocks them
  | 'crowded' // the page's streams seem to leave no connection for its polls; push rests for minutes
  | 'unreachable' // no gateway answers
  | 'captive' // something else answers in the gateway's place, such as the login page of a network
  | 'busy' // the gateway takes no more streams for now
  | 'ahead' // push names a version that the application does not have
  | 'off' // switched off by the flag
  | 'denied' // the gateway refuses these projects
  | 'token' // no token, or one that the gateway does not take
  | 'unsupported' // there is no EventSource here
  | 'hidden' // the page has been left, or is not shown yet
  | 'paused' // the page asked for it
  | 'stopped';

export interface Stats {
  readonly startedAt: number;
  /** Polls begun, for whatever reason. */
  readonly polls: number;
  /** Those of them that push asked for. */
  readonly newsPolls: number;
  readonly failedPolls: number;
  /** Events received over streams. */
  readonly events: number;
  /** Streams opened. */
  readonly streams: number;
  /** Polls that push has made needless so far; in shadow, would have. */
  readonly saved: number;
  /** Versions that a poll found though push should have announced them. */
  readonly missed: number;
  /** How long it took from the last news to the page having it; null before any. */
  readonly lagMs: number | null;
}

export interface Snapshot {
  readonly mode: Mode;
  readonly push: Push;
  readonly stream: StreamState;
  /** What brings news: a stream, held requests for the versions where streams do not get through, or the polls alone. */
  readonly rung: 'stream' | 'versions' | 'poll';
  /** Whether the page has a stream of its own, leads the tabs that share one, or hears through another. */
  readonly role: NonNullable<StreamHandle['role']>;
  /** The interval in force for `poll`, before jitter. */
  readonly interval: number;
  /** By how much push stretches the intervals of `every`: at least 1. */
  readonly factor: number;
  /** The interval without push: a gateway's, or the page's own while none has named one. */
  readonly fast: number;
  /** Each wait is drawn from within this share of its interval. */
  readonly jitter: number;
  /** Polls that news asks for are at least this far apart. */
  readonly gap: number;
  /** Null while a poll is in flight, and when stopped. */
  readonly nextPollAt: number | null;
  readonly lastPollAt: number | null;
  readonly lastEventAt: number | null;
  /** The version of each project that the page has. */
  readonly versions: Readonly<Record<string, number>>;
  /** How many projects push knows a newer version of. */
  readonly behind: number;
  readonly reason: Reason;
  /** The age in ms at which something on the way ends streams; the page renews them before. Null: nothing is known to. */
  readonly cut: number | null;
  /** The projects of which push names a version that the application does not have, again and again. */
  readonly ahead: readonly string[];
  /** What the last poll threw; null after one that ended well. */
  readonly error: unknown;
  readonly stats: Stats;
}

/** The events of an instance, with their `detail`. */
export interface NudgeEvents {
  /** After every change of the snapshot. */
  change: null;
  /** Push announced a version. */
  news: { readonly project: string; readonly version: number };
  /** A poll has ended. `error`: what it threw. */
  poll: { readonly reason: PollReason; readonly ms: number; readonly failed: boolean; readonly error?: unknown };
}

export interface EveryOptions {
  /** The projects whose news runs it at once, with the versions that the page has. Ids alone: the versions are unknown. */
  readonly projects?: Projects;
  /** Runs it at once too. Default: the first run comes after one interval. */
  readonly immediate?: boolean;
  /** Ends it when aborted. */
  readonly signal?: AbortSignal;
}

export interface Nudge extends EventTarget {
  addEventListener<K extends keyof NudgeEvents>(
    type: K,
    listener: ((event: CustomEvent<NudgeEvents[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  /** Calls `listener` after every change; gives its undo. Made for React's useSyncExternalStore. */
  subscribe(listener: () => void, options?: { readonly signal?: AbortSignal }): () => void;
  /** The same object until something changes. */
  getSnapshot(): Snapshot;
  /** What it was before anything began: a server renders that, so hydration begins with it, however late it comes. */
  getServerSnapshot(): Snapshot;
  /** Polls now; resolves when a poll begun after this call has ended, well or not. Never rejects. */
  refresh(): Promise<void>;
  /**
   * Another poll of the page, with a pace of its own: runs `run` every `ms`, stretched by the factor that push allows while its
   * stream is proven, and at once for news of its projects. Without push or gateway it runs every `ms`, as before Nudge.
   * Returns the function that ends it.
   */
  every(ms: number, run: Poll, options?: EveryOptions): () => void;
  /** `ms` times the factor that push allows now: for a library that has a timer of its own. Read it again after each change. */
  interval(ms: number): number;
  /**
   * The page itself made this version, as the answer to its write told. Such a version is never reported as missed by push.
   * With `prev`, the version that the change was made upon, a page that has exactly that one has this one now, and news of it
   * costs no poll.
   */
  ack(project: string, version: Version, prev?: Version): void;
  /** Adds projects, each with the version that the page has; gives the undo. Watched twice, one stays until both are undone. */
  watch(projects: Projects, options?: { readonly signal?: AbortSignal }): () => void;
  /** No polls and no stream, until each reason has been resumed. `refresh` still polls. */
  pause(reason?: string): void;
  resume(reason?: string): void;
  /** The token from now on; null: the user has logged out, and the gateway takes its cookie back. Once it is refused, `getToken` is asked. */
  setToken(token: string | null): void;
  /** Ends everything, for good. A gateway that was given a token for a cookie is asked to take it back. */
  stop(): void;
  [Symbol.dispose](): void;
}

/** Opens streams. It may be wrong in any way: whatever it does, the page goes on polling. */
export interface Transport {
  /** Opens a stream. Must not throw; a stream that cannot be opened tells so by `lost`, later than in the call. */
  (request: StreamRequest, on: StreamEvents): StreamHandle;
  /**
   * The token goes into a header of each request, those for `/poll-interval` and `/versions` too: `headers` of the request for
   * a stream. Without `bearer` the gateway is given the token once, at `/session`, for a cookie.
   */
  readonly bearer?: boolean;
  /** Its news comes in answers to held requests. Such a stream never counts as proven: the page polls at its fast interval. */
  readonly held?: boolean;
}

export interface StreamRequest {
  /** Root of the gateway, with base path, without trailing slash. */
  readonly gateway: string;
  /** Per project what a gateway last named, else the page's own version. */
  readonly projects: Readonly<Record<string, number>>;
  readonly token?: string | null;
  /** The gateway shall refuse the stream rather than end an older one of the same user. */
  readonly yields?: boolean;
  /** The headers that carry the token. Missing where it is in a cookie. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface StreamEvents {
  /** data: JSON text as on the wire, or the object. Names: hello, version, heartbeat, goodbye; others are ignored. */
  event(name: string, data: unknown): void;
  /**
   * The stream is over and was not meant to be. Called at most once; nothing after it. `status`: of the answer, if it is known;
   * `retryAfter`: how long the gateway wants no other request, in ms.
   */
  lost(status?: number, retryAfter?: number): void;
}

export interface StreamHandle {
  /** Ends the stream: nothing is heard of it any more. May be called again. */
  close(): void;
  /** solo: its own connection; leader: others hear through it; follower: hears through another tab. May change over time. */
  readonly role?: 'solo' | 'leader' | 'follower';
}

/** All that the shim needs of the world. Tests put a fake one in its place. */
export interface Env {
  /** Epoch milliseconds that never run backwards. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  setTimeout(ring: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
  fetch(url: string, init: RequestInit): Promise<Pick<Response, 'status' | 'headers' | 'json'>>;
  /** Missing where there is none. */
  EventSource?: new (url: string, init: { withCredentials: boolean }) => Source;
  /** The page's own origin: where the gateway is unless the page says otherwise. */
  origin: string;
  /** Where pagehide, pageshow and online are heard. */
  window?: Listens;
  /** The browser is to save data. */
  saveData?: boolean;
  document?: Listens & { readonly visibilityState: string; readonly prerendering?: boolean };
  /** There is a page, or a worker. Elsewhere, as on a server, nothing starts unless the application says so. */
  page: boolean;
  /** Where errors in the application's own functions are reported. */
  report(error: unknown): void;
  /** A sentence for the developer of the page. */
  warn(text: string): void;
}

export interface Listens {
  addEventListener(type: string, listener: (event: any) => void, options: { signal: AbortSignal }): void;
}

/** The part of EventSource in use. */
export interface Source {
  addEventListener(type: string, listener: (event: any) => void): void;
  close(): void;
}
