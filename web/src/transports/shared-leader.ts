import type { StreamHandle, Transport } from '../types.js';
import { covers, has, later, pack, type Projects, union, type Word } from './shared-stream.js';

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

/** What tabs say to their leader, and a leader to them. */
export type Note =
  | { readonly join: number; readonly projects: Projects; readonly visible: boolean; /** Not over the stream that there is. */ readonly anew?: boolean }
  | { readonly leave: number }
  | { readonly ping: number }
  | { readonly lead: boolean /* from now on; false: who is there? */ }
  | Relay;

/** An event for some of the tabs. Besides those of streams: `taken`, `lost` with the status as data, and `solo`: go it alone. */
export interface Relay {
  readonly to: number[];
  readonly name: string;
  readonly data?: any;
}

/** What one tab wants to hear; it may have several. */
interface Member {
  readonly id: number;
  readonly projects: Projects;
  stream?: Stream;
  /** The last roll that it answered. */
  seen: number;
}

interface Stream {
  readonly projects: Projects;
  /** Whom it is for. They come over when it is proven; who has no other is with it from the start. */
  readonly members: Member[];
  handle?: StreamHandle;
  hello?: Word;
  /** When it was opened, or said its first hello. */
  at: number;
  heardAt: number;
  expiresAt: number;
  proven?: boolean;
  /** To be replaced. */
  stale?: boolean;
}

export interface Leader {
  hear(note: any): void;
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
  const members = new Map<number, Member>();
  const streams = new Set<Stream>();
  let fresh: Stream | undefined; // the one that is not proven yet
  let failed: boolean | undefined; // the last one was not to be had, or not proven
  let roll = 0;
  let calledAt = now();
  let timer: unknown;

  const listeners = (stream: Stream) => [...members.values()].filter((member) => member.stream === stream);

  function relay(to: Member[], name: string, data?: unknown) {
    if (to.length) post({ to: to.map((member) => member.id), name, data });
  }

  function soon(ms: number, lean?: boolean) {
    if (!members.size) return;
    timer ??= after(ms, () => {
      timer = undefined;
      plan(lean);
    });
  }

  /** Sees to it that every member has a stream. lean: and that no stream has more projects than its members. */
  function plan(lean?: boolean) {
    if (fresh && now() - fresh.at < Ms.Patience) return;
    if (fresh) drop(fresh);
    const homeless = [...members.values()].filter((member) => !member.stream);
    for (const bin of pack([...[...streams].map(listeners), ...homeless.map((member) => [member])])) {
      const projects = union(bin);
      const good = [...streams].find((s) => !s.stale && covers(s.projects, projects) && (!lean || failed || covers(projects, s.projects)));
      if (!good) return start(projects, bin);
      for (const member of bin) if (member.stream !== good) move(member, good);
    }
    tidy();
  }

  function start(projects: Projects, bin: Member[]) {
    const stream: Stream = { projects, members: bin, at: now(), heardAt: 0, expiresAt: 0 };
    streams.add((fresh = stream));
    for (const member of bin) member.stream ??= stream;
    stream.handle = open(projects, {
      event: (name, data) => streams.has(stream) && heard(stream, name, data),
      lost: (status) => streams.has(stream) && lost(stream, status),
    });
  }

  /** Lets a member hear this stream from now on. */
  function move(member: Member, stream: Stream) {
    member.stream = stream;
    const { hello, expiresAt } = stream;
    if (hello) relay([member], 'hello', { ...hello, token_expires_in_s: (expiresAt - now()) / 1000 });
  }

  function drop(stream: Stream) {
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

  function heard(stream: Stream, name: string, data: any) {
    const said = typeof data === 'string' ? JSON.parse(data) : data;
    stream.heardAt = now();
    if (name === 'hello') {
      if (!stream.hello) stream.at = now();
      stream.hello = { ...said, versions: { ...said.versions } };
      stream.expiresAt = now() + said.token_expires_in_s * 1000;
    } else if (stream.hello) {
      stream.hello = later(stream.hello, name, said);
      if (now() - stream.at >= Ms.Proof) prove(stream);
    }
    const to = listeners(stream).filter(({ projects }) => name !== 'version' || has(projects, said.project));
    if (name === 'goodbye') end(stream);
    relay(to, name, said);
    if (name === 'heartbeat' && now() - calledAt >= Ms.Roll) call();
  }

  function prove(stream: Stream) {
    stream.proven = true;
    if (stream !== fresh) return;
    fresh = failed = undefined;
    for (const member of stream.members) if (members.has(member.id) && member.stream !== stream) move(member, stream);
    tidy();
    soon(0);
  }

  /** Who does not answer twice is gone. Those who are there may need less than before. */
  function call() {
    calledAt = now();
    roll++;
    for (const member of members.values()) if (member.seen < roll - 2) leave(member);
    post({ lead: false });
    soon(Ms.Answer, true);
  }

  function end(stream: Stream) {
    for (const { id } of listeners(stream)) members.delete(id);
    drop(stream);
    soon(0);
  }

  function lost(stream: Stream, status?: number) {
    const alone = listeners(stream);
    // One of them may be what the gateway did not like.
    const together = !stream.hello && stream.members.length > 1;
    end(stream);
    relay(alone, together ? 'solo' : 'lost', status);
  }

  function join({ join: id, projects, anew }: Extract<Note, { join: number }>) {
    post({ to: [id], name: 'taken' });
    const known = members.get(id);
    if (known) return void (known.seen = roll);
    const member: Member = { id, projects, seen: roll };
    members.set(id, member);
    if (anew) for (const stream of streams) stream.stale ||= covers(stream.projects, projects);
    const good = [...streams].find((s) => s.hello && !s.stale && covers(s.projects, projects));
    if (good) move(member, good);
    // Who comes next may need another stream, but that is better than none for a second.
    else if (!streams.size && slow()) plan();
    else soon(Ms.Gather);
  }

  function leave(member: Member) {
    members.delete(member.id);
    tidy();
  }

  return {
    hear(note) {
      if (note.join) return join(note);
      const member = members.get(note.leave ?? note.ping);
      const stream = member?.stream;
      if (member && note.leave) leave(member);
      // The cadence is as it was. For this member, it is the proof.
      else if (stream?.proven && now() - stream.heardAt < 2 * (stream.hello!.heartbeat_ms ?? Ms.Heartbeat)) relay([member!], 'heartbeat', {});
    },
    stop() {
      clearTimeout(timer);
      members.clear();
      for (const stream of streams) drop(stream);
    },
  };
}
