/** The entry for Node: the package `ws` where there is no WebSocket yet (before Node 22). */
import { randomBytes } from 'node:crypto';
import { platform } from './platform.js';
import type { Socket } from './socket.js';

platform.randomBytes = (length) => Uint8Array.from(randomBytes(length));
const browsers = platform.socket;
platform.socket = async () => {
  if (typeof globalThis.WebSocket === 'function') return browsers();
  const { WebSocket } = await import('ws').catch((error: unknown) => {
    throw new Error('Node before version 22 needs the package `ws`: npm install ws', { cause: error });
  });
  return (url) => new WebSocket(url) as unknown as Socket;
};

export * from './index.js';
