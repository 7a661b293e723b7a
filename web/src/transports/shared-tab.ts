import type { StreamEvents, StreamHandle, StreamRequest, Transport } from '../types.js';
import { createElection } from './shared-election.js';
import type { TabsChannel, TabsEnv } from './shared-env.js';
import { createLeader, type Leader, type Note, type Relay } from './shared-leader.js';
import { covers, helloFor, valid } from './shared-stream.js';

const enum Ms {
  /** If the leader does not answer for so long, the tab opens a stream of its own. */
  Answer = 2000,
  /** So long after a hello the tab asks its leader for proof that the stream delivers. */
  Ping = 1000,
  /** A page that is still there so long after beforeunload stays. */
  Stay = 1000,
  /** A tab that the leader has sent away tries again with the others after so long. */
  Alone = 300_000,
}

/** One stream as the core sees it. Its events come from the leader, or from a stream of this tab's own. */
interface Subscription {
  readonly id: number;
  readonly request: StreamRequest;
  readonly on: StreamEvents;
  own?: StreamHandle;
  /** The leader has sent it away: it does not share for now. */
  alone?: boolean;
  /** Timers. */
  unanswered?: unknown;
  ping?: unknown;
}

/**
 * The streams of this tab, shared with all tabs of one name. The elected leader opens real streams and relays their events
 * over a channel. Every tab follows it, the leader's own too. If sharing does not work, for whatever reason, each tab opens
 * its own streams. Once its last stream is closed it calls `done`, and leaves nothing behind.
 */
export function shareStreams(env: TabsEnv, name: string, transport: Transport, done: () => void): Transport {
  const subscriptions = new Map<number, Subscription>();
  const life = new AbortController();
  const election = createElection(env, name, () => safely(lead)(), () => fail());
  let channel: TabsChannel | undefined;
  let leader: Leader | undefined;
  let broken = !env.navigator?.locks || !env.BroadcastChannel;

  /** If anything goes wrong, sharing ends and streams go on. */
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
    subscriptions.forEach(goAlone);
  }

  function after(ms: number, act: () => void, timer?: unknown) {
    env.clearTimeout(timer);
    return env.setTimeout(safely(act), ms);
  }

  // The leader, if it is this tab.

  function lead() {
    if (leader) return tellAll({ lead: false }); // nobody else has led since the lock was let go
    leader = createLeader(env, {
      after,
      open: (projects, { event, lost }) =>
        transport({ ...[...subscriptions.values()].at(-1)!.request, projects }, { event: safely(event), lost: safely(lost) }),
      tellAll,
    });
    tellAll({ lead: true });
  }

  function stepDown() {
    leader?.stop();
    leader = undefined;
  }

  // The channel.

  function connect() {
    election.enter();
    if (channel) return;
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
    for (const sub of subscriptions.values()) join(sub, true);
  }

  function disconnect() {
    election.leave();
    stepDown();
    channel?.close();
    channel = undefined;
  }

  function tellLeader(note: Note) {
    if (leader) leader.hear(note);
    else channel?.postMessage(note);
  }

  function tellAll(note: Note) {
    channel?.postMessage(note);
    hear(note);
  }

  function hear(note: any) {
    if (note.to) {
      for (const id of note.to) if (subscriptions.has(id)) relayed(subscriptions.get(id)!, note);
    } else if ('lead' in note) {
      for (const sub of subscriptions.values()) join(sub, note.lead);
    } else leader?.hear(note);
  }

  // The streams of this tab.

  function relayed(sub: Subscription, { name, data }: Relay) {
    env.clearTimeout(sub.unanswered);
    if (name === 'alone') {
      sub.alone = true;
      sub.unanswered = after(Ms.Alone, () => join(sub, (sub.alone = false)));
      return goAlone(sub);
    }
    if (name === 'joined' || (sub.own && (name === 'lost' || name === 'goodbye'))) return;
    if (name === 'lost') return lose(sub, data);
    if (name === 'hello') sub.ping = after(Ms.Ping, () => tellLeader({ ping: sub.id }), sub.ping);
    if (name === 'heartbeat') {
      sub.own?.close();
      sub.own = undefined;
    }
    sub.on.event(name, name === 'hello' ? helloFor(sub.request.projects, data) : data);
  }

  /** Asks the leader for the projects. `urgent`: if it does not answer, the tab opens a stream of its own. */
  function join(sub: Subscription, urgent: boolean, anew?: boolean) {
    if (sub.alone || !valid(sub.request.projects)) return;
    if (urgent) sub.unanswered = after(Ms.Answer, () => goAlone(sub), sub.unanswered);
    tellLeader({ join: sub.id, projects: sub.request.projects, anew });
  }

  function goAlone(sub: Subscription) {
    sub.own ??= transport(sub.request, {
      event: (name, data) => sub.on.event(name, data),
      lost: (...why) => lose(sub, ...why),
    });
  }

  function lose(sub: Subscription, ...why: [status?: number, retryAfter?: number]) {
    end(sub);
    sub.on.lost(...why);
  }

  function end(sub: Subscription) {
    if (!subscriptions.delete(sub.id)) return;
    env.clearTimeout(sub.unanswered);
    env.clearTimeout(sub.ping);
    sub.own?.close();
    safely(tellLeader)({ leave: sub.id });
    if (subscriptions.size) return;
    disconnect();
    life.abort();
    done();
  }

  // The page.

  /** The page goes to sleep. */
  function away() {
    for (const sub of subscriptions.values()) {
      env.clearTimeout(sub.unanswered);
      sub.alone = false;
      tellLeader({ leave: sub.id });
    }
    disconnect();
  }

  /** Events of the document are heard at the window: something in the page may be named addEventListener. */
  function listen(type: string, act: () => void) {
    env.addEventListener(type, safely(act), { signal: life.signal, capture: true });
  }

  listen('freeze', away);
  listen('resume', connect);
  listen('pagehide', away);
  listen('pageshow', connect);
  // In Firefox a lock keeps a page out of the back/forward cache, and is too late let go in pagehide.
  listen('beforeunload', () => election.leave(Ms.Stay));
  safely(connect)();

  return (request, on) => {
    const sub: Subscription = { id: Math.random(), request, on };
    // It takes the place of another one: the core does not trust that stream, or has a new token.
    const anew = [...subscriptions.values()].some((other) => covers(other.request.projects, request.projects));
    subscriptions.set(sub.id, sub);
    if (broken || !valid(request.projects)) goAlone(sub);
    else queueMicrotask(safely(() => subscriptions.has(sub.id) && join(sub, true, anew && !!leader)));
    return {
      close: () => end(sub),
      get role() {
        return broken || sub.own ? 'solo' : leader ? 'leader' : 'follower';
      },
    };
  };
}
