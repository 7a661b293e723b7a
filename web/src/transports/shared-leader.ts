import type { StreamHandle, Transport } from '../types.js';
import { covers, has, type Hello, pack, parse, type Projects, union, updated, valid } from './shared-stream.js';

const enum Ms {
  /** How long others have to join before a stream is opened. */
  Gather = 50,
  /** A stream that says nothing for so long holds up no other; whoever waited for it has given it up before. */
  Patience = 15_000,
  /** An event so long after the hello shows that the stream delivers. */
  Proof = 500,
  /** Rolls are called with heartbeats, and at least so far apart; tabs have so long to answer. */
  Roll = 10_000,
  Answer = 1000,
  Heartbeat = 25_000,
}

/** What tabs say to their leader, and a leader to them. Whoever changes it changes the number in the name of the channel. */
export type Note =
  | { readonly join: number; readonly projects: Projects; readonly visible: boolean; /** Not over the stream that there is. */ readonly anew?: boolean }
  | { readonly leave: number }
  | { readonly ping: number }
  | { readonly lead: boolean /* from now on; false: who is there? */ }
  | Relay;

/** An event for some of the followers. Besides those of streams: `taken`, `lost` with the status as data, and `solo`: go it alone. */
export interface Relay {
  readonly to: number[];
  readonly name: string;
  readonly data?: any;
}

/** What one tab wants to hear, that of the leader too. A tab may have several. */
interface Follower {
  readonly id: number;
  readonly projects: Projects;
  stream?: SharedStream;
  /** The last roll that it answered. */
  seen: number;
}

interface SharedStream {
  readonly projects: Projects;
  /** Whom it is for. They come over when it is proven; who has no other is with it from the start. */
  readonly followers: Follower[];
  handle?: StreamHandle;
  hello?: Hello;
  /** When it was opened, or said its first hello. */
  at: number;
  heardAt: number;
  expiresAt: number;
  proven?: boolean;
  /** To be replaced. */
  stale?: boolean;
}

export interface Leader {
  hear(note: Note): void;
  stop(): void;
}

interface World {
  now(): number;
  /** Gives what clearTimeout takes. */
  after(ms: number, act: () => void): unknown;
  clearTimeout(id: unknown): void;
  /** Timers ring once a second at most, as in tabs that are hidden. */
  slow(): boolean;
  /** Opens a stream as the leader's own tab would. */
  open(projects: Projects, on: Parameters<Transport>[1]): StreamHandle;
  /** To all tabs, the leader's own too. */
  post(note: Note): void;
}

/**
 * Holds the streams that all tabs hear: as few as there can be, one for up to 64 projects. Another set of projects means
 * another stream, which takes over when it is proven; only one is on its way at a time, so that streams never take all
 * connections of the browser. The end of a stream is told to those who heard it, and they come back as they think right.
 */
export function createLeader({ now, after, clearTimeout, slow, open, post }: World): Leader {
  const followers = new Map<number, Follower>();
  const streams = new Set<SharedStream>();
  let fresh: SharedStream | undefined; // the one that is not proven yet
  let failed: boolean | undefined; // the last one could not be opened, or was not proven
  let roll = 0;
  let calledAt = now();
  let timer: unknown;

  const listeners = (stream: SharedStream) => [...followers.values()].filter((follower) => follower.stream === stream);

  function relay(to: Follower[], name: string, data?: unknown) {
    if (to.length) post({ to: to.map((follower) => follower.id), name, data });
  }

  function planSoon(ms: number, lean?: boolean) {
    if (!followers.size) return;
    timer ??= after(ms, () => {
      timer = undefined;
      plan(lean);
    });
  }

  /** Sees to it that every follower has a stream. lean: and that no stream has more projects than its followers. */
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
    if (name === 'heartbeat' && now() - calledAt >= Ms.Roll) callRoll();
  }

  function prove(stream: SharedStream) {
    stream.proven = true;
    if (stream !== fresh) return;
    fresh = failed = undefined;
    for (const follower of stream.followers) if (followers.has(follower.id) && follower.stream !== stream) move(follower, stream);
    tidy();
    planSoon(0);
  }

  /** Who does not answer twice is gone. Those who are there may need less than before. */
  function callRoll() {
    calledAt = now();
    roll++;
    for (const follower of followers.values()) if (follower.seen < roll - 2) leave(follower);
    post({ lead: false });
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
    relay(alone, together ? 'solo' : 'lost', status);
  }

  function join({ join: id, projects, anew }: Extract<Note, { join: number }>) {
    if (!valid(Object(projects))) return; // any script of the origin can say anything
    post({ to: [id], name: 'taken' });
    const known = followers.get(id);
    if (known) return void (known.seen = roll);
    const follower: Follower = { id, projects, seen: roll };
    followers.set(id, follower);
    if (anew) for (const stream of streams) stream.stale ||= covers(stream.projects, projects);
    const good = [...streams].find((s) => s.hello && !s.stale && covers(s.projects, projects));
    if (good) move(follower, good);
    // Who comes next may need another stream, but that is better than none for a second.
    else if (!streams.size && slow()) plan();
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
      // The cadence is as it was. For this follower, it is the proof.
      else if (stream?.proven && now() - stream.heardAt < 2 * (stream.hello!.heartbeat_ms ?? Ms.Heartbeat)) relay([follower!], 'heartbeat', {});
    },
    stop() {
      clearTimeout(timer);
      followers.clear();
      for (const stream of streams) drop(stream);
    },
  };
}
