import type { Listens, StreamEvents, StreamHandle, StreamRequest, Transport } from '../types.js';
import { createLeader, type Leader, type Note, type Relay } from './shared-leader.js';
import { covers, sound, split } from './shared-stream.js';

const enum Ms {
  /** A leader that does not answer for so long is not waited for. */
  Doubt = 2000,
  /** A tab that heard hello shows so much later that its leader's stream delivers. */
  Ping = 1000,
  /** A leader hidden for so long gives way to a tab that is visible. */
  Hidden = 60_000,
  /** After beforeunload a page that is still there is taken to stay; and so long one that gave way lets others go first. */
  Stay = 1000,
  /** After so long a tab that was to go alone tries again with the others. */
  Apart = 300_000,
  /** A tab that let go of its stream while hidden asks again so often; it is only a look at the clock. */
  Again = 20_000,
}

/** All that sharing needs of a window. Without locks or channel each tab has a stream of its own. */
export interface TabsEnv extends Listens {
  readonly Date: { now(): number };
  setTimeout(ring: () => void, ms: number): unknown;
  clearTimeout(id: any): void;
  readonly navigator?: {
    readonly locks?: { request(name: string, options: { signal: AbortSignal }, work: () => Promise<void>): Promise<unknown> };
  };
  readonly BroadcastChannel?: new (name: string) => TabsChannel;
  readonly document?: Listens & { readonly visibilityState: string };
}

export interface TabsChannel {
  onmessage: ((event: any) => void) | null;
  postMessage(note: unknown): void;
  close(): void;
}

/** One stream that the core holds here. */
interface Seat {
  readonly id: number;
  readonly request: StreamRequest;
  readonly on: StreamEvents;
  /** A stream of its own. */
  solo?: StreamHandle;
  /** And it does not want to share. */
  apart?: boolean;
  doubt?: unknown;
  ping?: unknown;
}

/**
 * This tab's place among the tabs of one name. Whoever holds the lock leads: it has the streams, and all hear what they say
 * over the channel, itself included. Where this does not work, for whatever reason, each has a stream of its own. It is made
 * for a first seat, and calls `done` when the last is gone and nothing is left of it.
 */
export function shareStreams(
  world: TabsEnv,
  name: string,
  transport: Transport,
  /** Since when the tab is hidden, as far as anybody looked. */
  sight: { hiddenAt?: number },
  done: () => void,
): Transport {
  const document = world.document!;
  const locks = world.navigator?.locks;
  const now = () => world.Date.now();
  const seats = new Map<number, Seat>();
  const life = new AbortController();
  let channel: TabsChannel | undefined;
  let leader: Leader | undefined;
  let claim: AbortController | undefined; // of the lock
  let held = false; // and it is granted
  let again: unknown; // the timer of the next claim
  let broken = !locks || !world.BroadcastChannel;

  /** Whatever goes wrong in here must not cost anybody a stream. */
  function safely<A extends unknown[]>(act: (...args: A) => void) {
    return (...args: A) => {
      try {
        if (!broken) act(...args);
      } catch {
        fail();
      }
    };
  }

  function fail() {
    broken = true;
    quit();
    look();
  }

  function after(ms: number, act: () => void, timer?: unknown) {
    world.clearTimeout(timer);
    return world.setTimeout(safely(act), ms);
  }

  // The lock. It is never stolen, and let go before the page sleeps: a page in the back/forward cache would keep it.

  function stand() {
    if (claim || !channel) return;
    world.clearTimeout(again);
    const { signal } = (claim = new AbortController());
    const hold = (release: () => void) => {
      signal.addEventListener('abort', release);
      if (signal.aborted) return release();
      held = true;
      lead();
    };
    locks!.request(name, { signal }, () => new Promise<void>(hold)).catch(() => signal.aborted || fail());
  }

  function release(ms: number) {
    claim?.abort();
    claim = undefined;
    held = false;
    again = after(ms, stand, again);
  }

  function lead() {
    if (leader) return post({ lead: false }); // nobody else has led since the lock was let go
    leader = createLeader({
      now,
      after,
      clearTimeout: world.clearTimeout,
      slow: () => hidden() && !overdue(), // who is overdue may have to give way at once
      open: (projects, { event, lost }) =>
        transport({ ...[...seats.values()].at(-1)!.request, projects }, { event: safely(event), lost: safely(lost) }),
      post,
    });
    post({ lead: true });
  }

  function depose() {
    leader?.stop();
    leader = undefined;
  }

  // The channel.

  /** Takes part, or shows that it still does. */
  function enter() {
    stand();
    if (channel) return seats.forEach((seat) => join(seat, false));
    channel = new world.BroadcastChannel!(name);
    channel.onmessage = safely(({ data }) => {
      if (!leader || !('lead' in data)) return hear(data);
      if (held || !data.lead) return; // said before the lock came here
      depose();
      hear(data);
    });
    stand();
    for (const seat of seats.values()) join(seat, true);
  }

  function quit() {
    release(0);
    world.clearTimeout(again);
    depose();
    channel?.close();
    channel = undefined;
  }

  function say(note: Note) {
    if (leader) leader.hear(note);
    else channel?.postMessage(note);
  }

  function post(note: Note) {
    channel?.postMessage(note);
    hear(note);
  }

  function hear(note: any) {
    if (note.to) {
      for (const id of note.to) if (seats.has(id)) receive(seats.get(id)!, note);
    } else if ('lead' in note) {
      for (const seat of seats.values()) join(seat, note.lead);
    } else if (leader && note.visible && overdue()) {
      release(Ms.Stay);
      depose();
      for (const seat of seats.values()) if (!seat.apart) expect(seat);
    } else leader?.hear(note);
  }

  // The seats.

  function receive(seat: Seat, { name, data }: Relay) {
    world.clearTimeout(seat.doubt);
    if (name === 'solo') {
      seat.apart = true;
      seat.doubt = after(Ms.Apart, () => join(seat, (seat.apart = false)));
      return alone(seat);
    }
    if (name === 'taken' || (seat.solo && (name === 'lost' || name === 'goodbye'))) return;
    if (name === 'lost') return lose(seat, data);
    if (name === 'hello') seat.ping = after(Ms.Ping, () => say({ ping: seat.id }), seat.ping);
    if (name === 'heartbeat') {
      seat.solo?.close();
      seat.solo = undefined;
    }
    seat.on.event(name, name === 'hello' ? split(data, seat.request.projects) : data);
  }

  function expect(seat: Seat) {
    seat.doubt = after(Ms.Doubt, () => alone(seat), seat.doubt);
  }

  function join(seat: Seat, doubt: boolean, anew?: boolean) {
    if (seat.apart || !sound(seat.request.projects)) return;
    if (doubt) expect(seat);
    say({ join: seat.id, projects: seat.request.projects, visible: !hidden(), anew });
  }

  function alone(seat: Seat) {
    seat.solo ??= transport(seat.request, {
      event: (name, data) => seat.on.event(name, data),
      lost: (status) => lose(seat, status),
    });
  }

  function lose(seat: Seat, status?: number) {
    end(seat);
    seat.on.lost(status);
  }

  function end(seat: Seat) {
    if (!seats.delete(seat.id)) return;
    world.clearTimeout(seat.doubt);
    world.clearTimeout(seat.ping);
    seat.solo?.close();
    safely(say)({ leave: seat.id });
    if (seats.size) return;
    quit();
    life.abort();
    done();
  }

  // The page.

  function hidden() {
    return document.visibilityState === 'hidden';
  }

  /** Whether the tab has been hidden for so long that it should not have the stream. */
  function overdue() {
    return now() - sight.hiddenAt! >= Ms.Hidden;
  }

  function look() {
    if (!hidden()) sight.hiddenAt = undefined;
    else sight.hiddenAt ??= now();
    if (!broken) return hidden() || safely(enter)();
    if (!overdue()) seats.forEach(alone);
    world.clearTimeout(again);
    if (hidden()) again = world.setTimeout(shed, Math.max(0, sight.hiddenAt! + Ms.Hidden - now()));
  }

  /** Tabs that cannot share leave the few connections that HTTP/1.1 has to those that are seen. */
  function shed() {
    for (const seat of seats.values()) {
      end(seat);
      seat.on.event('goodbye', { reason: 'hidden', after_ms: Ms.Again, spread_ms: 0 });
    }
  }

  function away() {
    for (const seat of seats.values()) {
      world.clearTimeout(seat.doubt);
      seat.apart = false;
      say({ leave: seat.id });
    }
    quit();
  }

  function listen(target: Listens, type: string, act: () => void) {
    target.addEventListener(type, safely(act), life);
  }

  document.addEventListener('visibilitychange', look, life);
  listen(document, 'freeze', away);
  listen(document, 'resume', enter);
  listen(world, 'pagehide', away);
  listen(world, 'pageshow', enter);
  // In Firefox a lock keeps a page out of the back/forward cache, and is too late let go in pagehide.
  listen(world, 'beforeunload', () => release(Ms.Stay));
  look();
  safely(enter)();

  return (request, on) => {
    const seat: Seat = { id: Math.random(), request, on };
    // It takes the place of another one: the core does not trust that stream, or has a new token.
    const anew = [...seats.values()].some((other) => covers(other.request.projects, request.projects));
    seats.set(seat.id, seat);
    if (broken) look();
    else if (!sound(request.projects)) alone(seat);
    else queueMicrotask(safely(() => seats.has(seat.id) && join(seat, true, anew && !!leader)));
    return {
      close: () => end(seat),
      get role() {
        return broken || seat.solo ? 'solo' : leader ? 'leader' : 'follower';
      },
    };
  };
}
