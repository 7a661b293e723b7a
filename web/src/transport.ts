// How the core opens streams. It knows nothing of what is behind: the browser's EventSource, a request with a header, or
// another tab's stream. The types are published, and so in types.ts.

export type { StreamEvents, StreamHandle, StreamRequest, Transport } from './types.js';
