import type { Transport } from '../types.js';
import { multi } from './multi.js';

let warned = false;

/** @deprecated The old name of `multi` of @nudge-gateway/nudge/multi. It goes with the next version. */
export function wide(transport?: Transport): Transport {
  if (!warned) console.warn('nudge: wide() is now multi() of @nudge-gateway/nudge/multi. The old name goes with the next version.');
  warned = true;
  return multi(transport);
}
