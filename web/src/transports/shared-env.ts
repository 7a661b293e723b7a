/** All that sharing needs of a window. Without locks or channel each tab has a stream of its own. */
export interface TabsEnv {
  readonly Date: { now(): number };
  setTimeout(ring: () => void, ms: number): unknown;
  clearTimeout(id: any): void;
  readonly navigator?: {
    readonly locks?: { request(name: string, options: { signal: AbortSignal }, work: () => Promise<void>): Promise<unknown> };
  };
  readonly BroadcastChannel?: new (name: string) => TabsChannel;
  readonly document?: { readonly visibilityState: string };
  addEventListener(type: string, listener: () => void, options: { signal: AbortSignal; capture: boolean }): void;
}

export interface TabsChannel {
  onmessage: ((event: any) => void) | null;
  postMessage(note: unknown): void;
  close(): void;
}
