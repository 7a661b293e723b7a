/** The events of a stream that mean something. All others are ignored: a browser shows a page only those that it listens for. */
export const KNOWN_EVENTS = ['hello', 'version', 'heartbeat', 'goodbye'] as const;

export type EventName = (typeof KNOWN_EVENTS)[number];
