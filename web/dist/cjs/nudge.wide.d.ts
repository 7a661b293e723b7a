import type { Transport } from './nudge.js';
/** @deprecated The old name of `multi` of @nudge-gateway/nudge/multi. It goes with the next version. */
export declare function wide(transport?: Transport): Transport;
