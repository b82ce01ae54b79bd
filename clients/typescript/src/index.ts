/**
 * A client of Nova: typed HTTP (`http.ts`), conversations followed without loss or repetition (`follow.ts` over
 * `connection.ts`), and messages that get sent whatever the network does (`outbox.ts`). Begin with {@link Nova}.
 */
export { Nova, type NovaOptions, type OutboxLimits } from './client.js';
export type { ConversationEvent, Position } from './events.js';
export type { Following, FollowOptions, From } from './follow.js';
export { Connection, type ConnectionState } from './connection.js';
export { HttpClient, type Answer, type HttpOptions } from './http.js';
export { NovaError, QueueFullError, type FieldError } from './errors.js';
export { MessageList, type Entry } from './message-list.js';
export { Outbox } from './outbox.js';
export type { Content, Outgoing, OutgoingStatus } from './outgoing.js';
export { LocalStorage, MemoryStorage, type Storage, type WebStorage } from './storage.js';
export { Tokens, type TokenProvider } from './tokens.js';
export { systemClock, type Clock } from './clock.js';
export type { Socket, SocketFactory } from './socket.js';
export type { DeletedMessage, EditedMessage } from './protocol.js';
export type * from './api-types.js';
