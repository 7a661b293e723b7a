import type { StreamEvents, StreamHandle } from '../types.js';
import type { TabsEnv } from './shared-env.js';
import { covers, has, type Hello, pack, parse, type Projects, union, updated, valid } from './shared-stream.js';

const enum Ms {
  /** A stream is opened so long after the first tab asks, so that others can join. */
  Gather = 50,
  /** A stream that is not proven for so long makes way for another. Those who waited for it have given it up before. */
  Patience = 15_000,
  /** An event so long after the hello proves the stream. */
  Proof = 500,
  /** The leader asks who is there: with heartbeats, at most this often. Tabs have so long to answer. */
  RollCall = 10_000,
  Answer = 1000,
  Heartbeat = 25_000,
}

/** What tabs say to their leader, and a leader to them. Whoever changes it changes the number in the name of the channel. */
export type Note =
  | { readonly join: number; readonly projects: Projects; /** Not over the stream that there is. */ readonly anew?: boolean }
  | { readonly leave: number }
  | { readonly ping: number }
  | { readonly lead: boolean /* from now on; false: who is there? */ }
  | Relay;

/** An event for some of the followers. Besides those of streams: `joined`; `lost`, with the status as data; and `alone`: open a stream of your own. */
export interface Relay {
  readonly to: number[];
  readonly name: string;
  readonly data?: any;
}

/** A subscription of a tab, of the leader's own tab too. A tab may have several. */
interface Follower {
  readonly id: number;
  readonly projects: Projects;
  /** The one that it hears now. */
  stream?: SharedStream;
  /** The last roll call that it answered. */
  seen: number;
}

interface SharedStream {
  readonly projects: Projects;
  /** Whom it was opened for. Those who hear another stream move to it when it is proven. */
  readonly followers: Follower[];
  handle?: StreamHandle;
  hello?: Hello;
  /** When it was opened, or said its first hello. */
  at: number;
  heardAt: number;
  expiresAt: number;
  proven?: boolean;
  /** It is to be replaced. */
  stale?: boolean;
}

export interface Leader {
  hear(note: Note): void;
  stop(): void;
}

/** What a leader needs of its tab. */
interface Tab {
  /** A timer that never throws. Gives what clearTimeout takes. */
  after(ms: number, act: () => void): unknown;
  /** Opens a stream as the tab itself would. */
  open(projects: Projects, on: StreamEvents): StreamHandle;
  /** Tells all tabs, this one too. */
  tellAll(note: Note): void;
}

/**
 * Opens the streams that all tabs hear: as few as possible, one for up to 64 projects. If tabs come with other projects, it
 * opens another stream, which replaces the old one when it is proven. It opens one at a time, so that streams never take all
 * connections of the browser. When a stream ends, its followers are told, and each decides when to come back.
 */
export function createLeader(env: TabsEnv, { after, open, tellAll }: Tab): Leader {
  const now = () => env.Date.now();
  const followers = new Map<number, Follower>();
  const streams = new Set<SharedStream>();
  let fresh: SharedStream | undefined; // the one that is not proven yet
  let failed: boolean | undefined; // the last one could not be opened, or was not proven
  let roll = 0;
  let calledAt = now();
  let timer: unknown;

  const listeners = (stream: SharedStream) => [...followers.values()].filter((follower) => follower.stream === stream);

  function relay(to: Follower[], name: string, data?: unknown) {
    if (to.length) tellAll({ to: to.map((follower) => follower.id), name, data });
  }

  function planSoon(ms: number, lean?: boolean) {
    if (!followers.size) return;
    timer ??= after(ms, () => {
      timer = undefined;
      plan(lean);
    });
  }

  /** Gives every follower a stream. lean: and no stream has projects that no follower has. */
  function plan(lean?: boolean) {
    if (fresh && now() - fresh.at < Ms.Patience) return;
    if (fresh) drop(fresh);
    const waiting = [...followers.values()].filter((follower) => !follower.stream);
    for (const group of pack([...[...streams].map(listeners), ...waiting.map((follower) => [follower])])) {
      const projects = union(group);
      const good = [...streams].find((s) => !s.stale && covers(s.projects, projects) && (!lean || failed || covers(projects, s.projects)));
      if (!good) return start(projects, group);
      for (const follower of group) if (follower.stream !== good) move(follower, good);
    }
    tidy();
  }

  function start(projects: Projects, group: Follower[]) {
    const stream: SharedStream = { projects, followers: group, at: now(), heardAt: 0, expiresAt: 0 };
    streams.add((fresh = stream));
    for (const follower of group) follower.stream ??= stream;
    stream.handle = open(projects, {
      event: (name, data) => streams.has(stream) && heard(stream, name, parse(data)),
      lost: (status) => streams.has(stream) && lost(stream, status),
    });
  }

  /** Lets a follower hear this stream from now on. */
  function move(follower: Follower, stream: SharedStream) {
    follower.stream = stream;
    const { hello, expiresAt } = stream;
    if (hello) relay([follower], 'hello', { ...hello, token_expires_in_s: (expiresAt - now()) / 1000 });
  }

  function drop(stream: SharedStream) {
    streams.delete(stream);
    stream.handle?.close();
    if (stream !== fresh) return;
    fresh = undefined;
    failed = true;
    for (const other of streams) other.stale = false; // it was to be replaced, and cannot be for now
  }

  /** Closes what nobody hears. */
  function tidy() {
    for (const stream of streams) if (stream !== fresh && !listeners(stream).length) drop(stream);
  }

  function heard(stream: SharedStream, name: string, said: any) {
    stream.heardAt = now();
    if (name === 'hello') {
      if (!stream.hello) stream.at = now();
      stream.hello = { ...said, versions: { ...said.versions } };
      stream.expiresAt = now() + said.token_expires_in_s * 1000;
    } else if (stream.hello) {
      stream.hello = updated(stream.hello, name, said);
      if (now() - stream.at >= Ms.Proof) prove(stream);
    }
    const to = listeners(stream).filter(({ projects }) => name !== 'version' || has(projects, said.project));
    if (name === 'goodbye') end(stream);
    relay(to, name, said);
    if (name === 'heartbeat' && now() - calledAt >= Ms.RollCall) callRoll();
  }

  function prove(stream: SharedStream) {
    stream.proven = true;
    if (stream !== fresh) return;
    fresh = failed = undefined;
    for (const follower of stream.followers) if (followers.has(follower.id) && follower.stream !== stream) move(follower, stream);
    tidy();
    planSoon(0);
  }

  /** Who does not answer twice is gone. The others may need fewer projects than before. */
  function callRoll() {
    calledAt = now();
    roll++;
    for (const follower of followers.values()) if (follower.seen < roll - 2) leave(follower);
    tellAll({ lead: false });
    planSoon(Ms.Answer, true);
  }

  function end(stream: SharedStream) {
    for (const { id } of listeners(stream)) followers.delete(id);
    drop(stream);
    planSoon(0);
  }

  function lost(stream: SharedStream, status?: number) {
    const alone = listeners(stream);
    // One of them may be what the gateway did not like.
    const together = !stream.hello && stream.followers.length > 1;
    end(stream);
    relay(alone, together ? 'alone' : 'lost', status);
  }

  function join({ join: id, projects, anew }: Extract<Note, { join: number }>) {
    if (!valid(Object(projects))) return; // any script of the origin can say anything
    tellAll({ to: [id], name: 'joined' });
    const known = followers.get(id);
    if (known) return void (known.seen = roll);
    const follower: Follower = { id, projects, seen: roll };
    followers.set(id, follower);
    if (anew) for (const stream of streams) stream.stale ||= covers(stream.projects, projects);
    const good = [...streams].find((s) => s.hello && !s.stale && covers(s.projects, projects));
    if (good) move(follower, good);
    // In a hidden tab the timer would take a second. Another stream for the next to come is better than none for so long.
    else if (!streams.size && env.document!.visibilityState === 'hidden') plan();
    else planSoon(Ms.Gather);
  }

  function leave(follower: Follower) {
    followers.delete(follower.id);
    tidy();
  }

  return {
    hear(note: any) {
      if (note.join) return join(note);
      const follower = followers.get(note.leave ?? note.ping);
      const stream = follower?.stream;
      if (follower && note.leave) leave(follower);
      // The stream delivers. For this follower the heartbeat is the proof; the cadence is as it was.
      else if (stream?.proven && now() - stream.heardAt < 2 * (stream.hello!.heartbeat_ms ?? Ms.Heartbeat)) relay([follower!], 'heartbeat', {});
    },
    stop() {
      env.clearTimeout(timer);
      followers.clear();
      for (const stream of streams) drop(stream);
    },
  };
}
