import type { StreamHandle, Transport } from '../types.js';

/**
 * A transport that keeps to its contract, made of one that may be wrong in any way: it never throws, gives a handle, and tells
 * nothing within the call by which a stream is lost, and nothing at all after a loss or `close`.
 */
export function guard(transport: Transport): Transport {
  const open: Transport = (request, on) => {
    let handle: StreamHandle | undefined;
    let opening = true;
    let closed = false; // by the caller
    let ended = false;

    function close() {
      closed = ended = true;
      try {
        handle?.close();
      } catch {
        // Then it stays open, and nobody listens to it.
      }
    }

    function lost(...why: [status?: number, retryAfter?: number]) {
      if (ended) return;
      ended = true;
      const tell = () => {
        if (closed) return;
        close();
        on.lost(...why);
      };
      if (opening) queueMicrotask(tell);
      else tell();
    }

    try {
      handle = transport(request, { event: (name, data) => ended || on.event(name, data), lost });
    } catch {
      lost();
    }
    opening = false;
    return {
      close,
      get role() {
        return handle?.role;
      },
    };
  };
  return Object.assign(open, { bearer: transport.bearer });
}
