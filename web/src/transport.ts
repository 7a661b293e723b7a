// How the core opens streams. It knows nothing of what is behind: the browser's EventSource, a request with a header, or
// another tab's stream.

/** Opens a stream. Must not throw; a stream that cannot be opened tells so by `lost`. */
export type Transport = (request: StreamRequest, on: StreamEvents) => StreamHandle;

export interface StreamRequest {
  /** Root of the gateway, with base path, without trailing slash. */
  readonly gateway: string;
  /** Per project what a gateway last named, else the page's own version. */
  readonly projects: Readonly<Record<string, number>>;
}

export interface StreamEvents {
  /** data: JSON text as on the wire, or the object. Names: hello, version, heartbeat, goodbye; others are ignored. */
  event(name: string, data: unknown): void;
  /** The stream is over and was not meant to be. Called at most once; nothing after it. */
  lost(): void;
}

export interface StreamHandle {
  close(): void;
  /** solo: its own connection; leader: others hear through it; follower: hears through another tab. May change over time. */
  readonly role?: 'solo' | 'leader' | 'follower';
}
