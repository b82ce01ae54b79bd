/** The part of the browsers' WebSocket that is used here. */
export interface Socket {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Node's `ws` can do without a goodbye. */
  terminate?(): void;
}

export type SocketFactory = (url: string) => Socket;
