import type { Socket, SocketFactory } from './socket.js';

/** What browsers and Node do not have in common. `node.ts` fills in what Node 18 and 20 lack. */
export interface Platform {
  socket: () => Promise<SocketFactory>;
  randomBytes: (length: number) => Uint8Array;
}

export const platform: Platform = {
  socket: async () => {
    const { WebSocket } = globalThis;
    if (typeof WebSocket !== 'function') throw new Error('there is no WebSocket here: give one as `socket`');
    return (url) => new WebSocket(url) as unknown as Socket;
  },
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** A random UUID (version 4). `crypto.randomUUID` exists in secure contexts only. */
export function uuid(): string {
  const bytes = platform.randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
