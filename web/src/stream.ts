import type { Clock } from './clock.js';
import { EVENTS } from './eventsource.js';
import type { Env, StreamHandle, StreamRequest, Transport } from './types.js';
import { type Message, read } from './wire.js';

const enum Ms {
  /** A gateway says hello within 2 s; the rest is for slow networks. */
  Connect = 10_000,
  /** A stream is proven by an event this long after its first hello: not with it, and not when it was too late. */
  ProofFrom = 500,
  ProofTo = 5000,
  /** A timer later than this means that the page was asleep. */
  Late = 1000,
  /** How long events that queued up meanwhile have to come out. */
  Drain = 1000,
}

/** How a stream ended that nobody meant to end. `slept`: the page was asleep, so that nothing can be told. */
export type Cause = 'error' | 'mute' | 'silent' | 'slept';

/** What a stream tells. After `goodbye` or `lost` it is closed and silent. */
export type Listener = Record<'hello' | 'version' | 'goodbye', (message: Message) => void> & {
  /** Called before what an event has of its own. */
  any(message: Message): void;
  proven(): void;
  lost(cause: Cause): void;
};

export interface Stream {
  readonly state: 'connecting' | 'open' | 'proven';
  /** The poll interval that it allows, once it is proven. */
  readonly poll: number | undefined;
  readonly role: NonNullable<StreamHandle['role']>;
  close(): void;
}

/** One stream from opening to end, whatever carries it. What is carried is believed only when it has shown that it comes. */
export function openStream(env: Env, clock: Clock, transport: Transport, request: StreamRequest, on: Listener): Stream {
  const alarm = clock.alarm();
  let handle: StreamHandle | undefined;
  let closed = false;
  let helloAt = 0;
  let lastAt = 0;
  let heartbeat = 25_000;

  const stream = {
    state: 'connecting' as Stream['state'],
    poll: undefined as Stream['poll'],
    get role() {
      return handle?.role ?? 'solo';
    },
    close() {
      closed = true;
      alarm.clear();
      handle?.close();
    },
  };

  function lose(cause: Cause) {
    stream.close();
    on.lost(cause);
  }

  /** Loses the stream after `ms`, unless by then it has come further. */
  function deadline(ms: number) {
    const at = env.now() + ms;
    alarm.set(ms, () => lose(env.now() - at > Ms.Late ? 'slept' : 'mute'));
  }

  /** Timestamps decide, not ticks. After a sleep, events may be waiting to be heard: they get a moment first. */
  function watch(drained?: boolean) {
    const left = lastAt + 2 * heartbeat - env.now();
    if (left > 0) alarm.set(left, watch);
    else if (left < -Ms.Late && !drained) alarm.set(Ms.Drain, () => watch(true));
    else lose('silent');
  }

  function hear(name: string, data: unknown) {
    if (closed || !EVENTS.includes(name)) return;
    const message = read(data);
    lastAt = env.now();
    stream.poll = message.poll_ms ?? stream.poll;
    heartbeat = message.heartbeat_ms ?? heartbeat;
    on.any(message);

    const age = lastAt - helloAt;
    if (name === 'goodbye') stream.close();
    if (stream.state === 'connecting' && name === 'hello') {
      stream.state = 'open';
      helloAt = lastAt;
      deadline(Ms.ProofTo);
    } else if (stream.state === 'open' && name !== 'hello' && age >= Ms.ProofFrom && age <= Ms.ProofTo) {
      stream.state = 'proven';
      on.proven();
    }
    if (stream.state === 'proven' && !closed) watch();
    on[name as 'hello']?.(message);
  }

  deadline(Ms.Connect);
  handle = transport(request, { event: clock.turn(hear), lost: clock.turn(() => closed || lose('error')) });
  if (closed) handle.close(); // it was told of something before it had its handle
  return stream;
}
