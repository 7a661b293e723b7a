import type { Clock } from './clock.js';
import type { Env, Source } from './types.js';
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

const EVENTS = ['hello', 'version', 'heartbeat', 'goodbye'] as const;

/** What a stream tells. After `goodbye` or `lost` it is closed and silent. */
export type Listener = Partial<Record<(typeof EVENTS)[number], (message: Message) => void>> & {
  /** Called before what an event has of its own. */
  any(message: Message): void;
  proven(): void;
  lost(cause: Cause): void;
};

export interface Stream {
  readonly state: 'connecting' | 'open' | 'proven';
  /** The poll interval that it allows, once it is proven. */
  readonly poll: number | undefined;
  close(): void;
}

/**
 * One EventSource from opening to end. Its own reconnecting is never used: the first error closes it, since it would come
 * back at a fixed pace, with the old URL, and give up for good at the first status that is not 200.
 */
export function openStream(env: Env, clock: Clock, url: string, on: Listener): Stream {
  const alarm = clock.alarm();
  let source: Source | undefined;
  let closed = false;
  let helloAt = 0;
  let lastAt = 0;
  let heartbeat = 25_000;

  const stream = {
    state: 'connecting' as Stream['state'],
    poll: undefined as Stream['poll'],
    close() {
      closed = true;
      alarm.clear();
      source?.close();
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

  function hear(name: (typeof EVENTS)[number], message: Message) {
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
    on[name]?.(message);
  }

  deadline(Ms.Connect);
  try {
    source = new env.EventSource!(url, { withCredentials: true });
    for (const name of EVENTS) {
      source.addEventListener(
        name,
        clock.turn((event) => closed || hear(name, read(event.data))),
      );
    }
    source.addEventListener(
      'error',
      // With data it is no error of the connection, but a message that somebody named so.
      clock.turn((event) => closed || 'data' in event || lose('error')),
    );
  } catch {
    alarm.set(0, () => lose('error')); // a forbidden URL, for one
  }
  return stream;
}
