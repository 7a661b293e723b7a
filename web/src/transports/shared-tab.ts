import type { Listens, StreamEvents, StreamHandle, StreamRequest, Transport } from '../types.js';
import { createElection } from './shared-election.js';
import type { TabsChannel, TabsEnv } from './shared-env.js';
import { createLeader, type Leader, type Note, type Relay } from './shared-leader.js';
import { covers, helloFor, valid } from './shared-stream.js';

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

/** One stream that the core has opened here: the tab follows a leader with it, or has a stream of its own for it. */
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
 * This tab's place among the tabs of one name. The elected leader has the streams, and all hear what they say over the
 * channel, itself included. Where this does not work, for whatever reason, each tab has a stream of its own. It is made for a
 * first stream, and calls `done` when the last is closed and nothing is left of it.
 */
export function shareStreams(
  env: TabsEnv,
  name: string,
  transport: Transport,
  /** Since when the tab is hidden, as far as anybody looked. */
  sight: { hiddenAt?: number },
  done: () => void,
): Transport {
  const document = env.document!;
  const now = () => env.Date.now();
  const seats = new Map<number, Seat>();
  const life = new AbortController();
  const election = createElection(env, name, () => safely(lead)(), () => fail());
  let channel: TabsChannel | undefined;
  let leader: Leader | undefined;
  let again: unknown;
  let broken = !env.navigator?.locks || !env.BroadcastChannel;

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

  /** Sharing does not work here. From now on the tab has streams of its own. */
  function fail() {
    broken = true;
    disconnect();
    look();
  }

  function after(ms: number, act: () => void, timer?: unknown) {
    env.clearTimeout(timer);
    return env.setTimeout(safely(act), ms);
  }

  // The leader, if it is this tab.

  function lead() {
    if (leader) return post({ lead: false }); // nobody else has led since the lock was let go
    leader = createLeader({
      now,
      after,
      clearTimeout: env.clearTimeout,
      slow: () => hidden() && !overdue(), // who is overdue may have to give way at once
      open: (projects, { event, lost }) =>
        transport({ ...[...seats.values()].at(-1)!.request, projects }, { event: safely(event), lost: safely(lost) }),
      post,
    });
    post({ lead: true });
  }

  function stepDown() {
    leader?.stop();
    leader = undefined;
  }

  // The channel.

  /** Takes part, or shows that it still does. */
  function connect() {
    election.enter();
    if (channel) return seats.forEach((seat) => join(seat, false));
    channel = new env.BroadcastChannel!(name);
    channel.onmessage = ({ data }) => {
      try {
        if (!leader || !('lead' in data)) return hear(data);
        if (election.won || !data.lead) return; // said before this tab was elected
        stepDown();
        hear(data);
      } catch {
        // Other scripts of the origin can say anything here.
      }
    };
    for (const seat of seats.values()) join(seat, true);
  }

  function disconnect() {
    election.leave();
    env.clearTimeout(again);
    stepDown();
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
      election.leave(Ms.Stay);
      stepDown();
      for (const seat of seats.values()) if (!seat.apart) expect(seat);
    } else leader?.hear(note);
  }

  // The streams that the core has opened.

  function receive(seat: Seat, { name, data }: Relay) {
    env.clearTimeout(seat.doubt);
    if (name === 'solo') {
      seat.apart = true;
      seat.doubt = after(Ms.Apart, () => join(seat, (seat.apart = false)));
      return goAlone(seat);
    }
    if (name === 'taken' || (seat.solo && (name === 'lost' || name === 'goodbye'))) return;
    if (name === 'lost') return lose(seat, data);
    if (name === 'hello') seat.ping = after(Ms.Ping, () => say({ ping: seat.id }), seat.ping);
    if (name === 'heartbeat') {
      seat.solo?.close();
      seat.solo = undefined;
    }
    seat.on.event(name, name === 'hello' ? helloFor(seat.request.projects, data) : data);
  }

  function expect(seat: Seat) {
    seat.doubt = after(Ms.Doubt, () => goAlone(seat), seat.doubt);
  }

  function join(seat: Seat, doubt: boolean, anew?: boolean) {
    if (seat.apart || !valid(seat.request.projects)) return;
    if (doubt) expect(seat);
    say({ join: seat.id, projects: seat.request.projects, visible: !hidden(), anew });
  }

  function goAlone(seat: Seat) {
    seat.solo ??= transport(seat.request, {
      event: (name, data) => seat.on.event(name, data),
      lost: (...why) => lose(seat, ...why),
    });
  }

  function lose(seat: Seat, ...why: [status?: number, retryAfter?: number]) {
    end(seat);
    seat.on.lost(...why);
  }

  function end(seat: Seat) {
    if (!seats.delete(seat.id)) return;
    env.clearTimeout(seat.doubt);
    env.clearTimeout(seat.ping);
    seat.solo?.close();
    safely(say)({ leave: seat.id });
    if (seats.size) return;
    disconnect();
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
    if (!broken) return hidden() || safely(connect)();
    if (!overdue()) seats.forEach(goAlone);
    env.clearTimeout(again);
    if (hidden()) again = env.setTimeout(shed, Math.max(0, sight.hiddenAt! + Ms.Hidden - now()));
  }

  /** Tabs that cannot share leave the few connections that HTTP/1.1 has to those that are seen. */
  function shed() {
    for (const seat of seats.values()) {
      end(seat);
      seat.on.event('goodbye', { reason: 'hidden', after_ms: Ms.Again, spread_ms: 0 });
    }
  }

  /** The page goes to sleep. */
  function away() {
    for (const seat of seats.values()) {
      env.clearTimeout(seat.doubt);
      seat.apart = false;
      say({ leave: seat.id });
    }
    disconnect();
  }

  function listen(target: Listens, type: string, act: () => void) {
    target.addEventListener(type, safely(act), life);
  }

  // A form or an image named addEventListener takes the place of the document's own.
  if (typeof document.addEventListener !== 'function') broken = true;
  else document.addEventListener('visibilitychange', look, life);
  safely(() => {
    listen(document, 'freeze', away);
    listen(document, 'resume', connect);
    listen(env, 'pagehide', away);
    listen(env, 'pageshow', connect);
    // In Firefox a lock keeps a page out of the back/forward cache, and is too late let go in pagehide.
    listen(env, 'beforeunload', () => election.leave(Ms.Stay));
  })();
  look();
  safely(connect)();

  return (request, on) => {
    const seat: Seat = { id: Math.random(), request, on };
    // It takes the place of another one: the core does not trust that stream, or has a new token.
    const anew = [...seats.values()].some((other) => covers(other.request.projects, request.projects));
    seats.set(seat.id, seat);
    if (broken) look();
    else if (!valid(request.projects)) goAlone(seat);
    else queueMicrotask(safely(() => seats.has(seat.id) && join(seat, true, anew && !!leader)));
    return {
      close: () => end(seat),
      get role() {
        return broken || seat.solo ? 'solo' : leader ? 'leader' : 'follower';
      },
    };
  };
}
