import type { StreamHandle, Transport } from '../types.js';

/**
 * Wraps a transport that may be wrong in any way. The result keeps the contract of transports: it never throws, always returns
 * a handle, tells a loss once and never within the call, and tells nothing after a loss or after `close`.
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
        // It may stay open, but nobody hears it.
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
