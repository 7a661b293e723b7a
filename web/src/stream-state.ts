// One stream, whatever carries it: connecting → open → proven. What it carries is believed only once it has shown that it
// arrives: an open connection proves nothing.
//
//   state       | hello  | another event      | too late for it      | ends
//   connecting  | open   |                    | mute, after 10 s     | lost
//   open        |        | proven, from 0.5 s | mute, after 5 s      | lost
//   proven      |        |                    | lost, after silence  | lost

import type { Core } from './env.js';
import { KNOWN_EVENTS, type EventName } from './known-events.js';
import { type Message, read } from './messages.js';
import { createTimer } from './timer.js';
import type { StreamHandle, StreamRequest, Transport } from './types.js';

const enum Ms {
  /** A gateway says hello within 2 s; the rest is for slow networks. */
  Connect = 10_000,
  /** It is proven by an event this long after its first hello: not with it, and not when it was too late. */
  ProofFrom = 500,
  ProofTo = 5000,
  /** A timer later than this means that the page was asleep: events that queued up meanwhile get `Drain` to come out. */
  Late = 1000,
  Drain = 1000,
  /** A gateway that names no heartbeat has this one. */
  Heartbeat = 25_000,
}

export interface Stream {
  readonly state: 'connecting' | 'open' | 'proven';
  /** It is a series of held requests: it brings news, and is never proven. */
  readonly held: boolean;
  /** The poll interval that it allows once it is proven. */
  readonly poll: number | undefined;
  /** When its first hello came; 0: it has not come. */
  readonly helloAt: number;
  readonly role: NonNullable<StreamHandle['role']>;
  /** Ends it. Nothing is heard of it any more. */
  close(): void;
}

/** What is heard of a stream, never before it has been opened. */
export interface Hears {
  /** Any event, before what it means. */
  message(message: Message): void;
  hello(message: Message): void;
  version(message: Message): void;
  goodbye(message: Message): void;
  proven(): void;
  /** It broke, or fell silent. `retryAfter`: how long the gateway wants no other, in ms. `broke`: the transport told so. */
  lost(retryAfter?: number, broke?: boolean): void;
  /** It delivered nothing, or nothing after its hello: something on the way may hold events back. */
  mute(): void;
}

export function openStream(env: Core, transport: Transport, request: StreamRequest, on: Hears): Stream {
  const held = !!transport.held;
  let state: Stream['state'] = 'connecting';
  let poll: number | undefined;
  let heartbeat: number = Ms.Heartbeat;
  let helloAt = 0;
  let drained = false; // what queued up while the page slept has had its time
  let handle: StreamHandle | undefined;
  let opening = true;
  let over = false;
  const due = createTimer(env, overdue);

  const means: Record<EventName, (message: Message) => void> = {
    hello(message) {
      if (state === 'connecting') {
        state = 'open';
        helloAt = env.now();
        if (!held) due.set(helloAt + Ms.ProofTo);
      }
      on.hello(message);
    },
    version: on.version,
    heartbeat() {},
    goodbye: on.goodbye,
  };

  function heard(name: EventName, message: Message) {
    const now = env.now();
    poll = message.poll_ms ?? poll;
    heartbeat = message.heartbeat_ms ?? heartbeat;
    on.message(message);
    if (state === 'open' && name !== 'hello' && !held && now >= helloAt + Ms.ProofFrom && now <= helloAt + Ms.ProofTo) {
      state = 'proven';
      on.proven();
    }
    if (state === 'proven') {
      due.set(now + 2 * heartbeat);
      drained = false;
    }
    means[name](message);
  }

  function overdue(late: number) {
    if (late <= Ms.Late) return state === 'proven' ? on.lost() : on.mute();
    // The page was asleep: it cannot tell whether the stream was mute, and what has queued up is heard first.
    if (state !== 'proven' || drained) return on.lost();
    drained = true;
    due.set(env.now() + Ms.Drain);
  }

  /** A transport may call back from within the call that opens it. That comes after it. */
  function whileOpen(act: () => void) {
    if (opening) env.after(() => over || act());
    else env.enter(() => over || act());
  }

  function close() {
    over = true;
    due.set(Infinity);
    env.guarded(() => handle?.close());
  }

  if (!held) due.set(env.now() + Ms.Connect);
  env.guarded(
    () => {
      handle = transport(request, {
        event: (name, data) => whileOpen(() => KNOWN_EVENTS.includes(name as EventName) && heard(name as EventName, read(data))),
        lost: (_, retryAfter) => whileOpen(() => on.lost(retryAfter, !held)),
      });
    },
    () => env.after(() => over || on.lost()),
  );
  opening = false;
  return {
    get state() {
      return state;
    },
    held,
    get poll() {
      return poll;
    },
    get helloAt() {
      return helloAt;
    },
    get role() {
      let role: unknown;
      env.guarded(() => (role = handle?.role));
      return role === 'leader' || role === 'follower' ? role : 'solo';
    },
    close,
  };
}
