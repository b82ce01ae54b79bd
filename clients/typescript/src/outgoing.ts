import type { SendBody } from './api-types.js';
import type { NovaError } from './errors.js';

/** What is to be said: `text`, or `encrypted_content` with its `nonce`. */
export type Content = Omit<SendBody, 'client_message_id'>;

/**
 * - `queued`: waits for its turn, or for its next attempt.
 * - `sending`: under way.
 * - `sent`: the server has it; `seq` and `messageId` are known.
 * - `failed`: for good, as `error` says. It stays in the queue until the app retries or discards it.
 */
export type OutgoingStatus = 'queued' | 'sending' | 'sent' | 'failed';

/** A message on its way. The same object from `send()` to its end, and changed by the queue alone. */
export interface Outgoing {
  readonly conversationId: string;
  readonly content: Content;
  /** The app's own name for it; the server repeats it to everybody. */
  readonly clientMessageId: string;
  /** Made once, and the same for every attempt: the server takes it once. */
  readonly idempotencyKey: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly status: OutgoingStatus;
  /** Attempts that have failed, or have been made. */
  readonly attempts: number;
  readonly error: NovaError | undefined;
  readonly seq: number | undefined;
  readonly messageId: string | undefined;
}

/** The same as the queue sees it. */
export interface Item extends Outgoing {
  status: OutgoingStatus;
  attempts: number;
  error: NovaError | undefined;
  seq: number | undefined;
  messageId: string | undefined;
  /** Its place among all messages of this storage. */
  order: number;
  bytes: number;
}

/** What is stored of it. */
interface Stored {
  v: 1;
  order: number;
  conversationId: string;
  content: Content;
  clientMessageId: string;
  idempotencyKey: string;
  createdAt: number;
  attempts: number;
  /** Failed messages are not sent again by themselves, not even after a reload. */
  failed: boolean;
}

export function stored(item: Item): string {
  const { order, conversationId, content, clientMessageId, idempotencyKey, createdAt, attempts } = item;
  const failed = item.status === 'failed';
  const value: Stored = { v: 1, order, conversationId, content, clientMessageId, idempotencyKey, createdAt, attempts, failed };
  return JSON.stringify(value);
}

/** `undefined`: this is not one of ours. */
export function restored(text: string): Item | undefined {
  let value: Partial<Stored>;
  try {
    value = JSON.parse(text) as Partial<Stored>;
  } catch {
    return undefined;
  }
  const { v, order, conversationId, content, clientMessageId, idempotencyKey, createdAt, attempts, failed } = value ?? {};
  const isWhole =
    v === 1 &&
    typeof order === 'number' &&
    typeof conversationId === 'string' &&
    typeof content === 'object' &&
    typeof clientMessageId === 'string' &&
    typeof idempotencyKey === 'string' &&
    typeof createdAt === 'number' &&
    typeof attempts === 'number';
  if (!isWhole) return undefined;
  return {
    order,
    conversationId,
    content,
    clientMessageId,
    idempotencyKey,
    createdAt,
    attempts,
    status: failed === true ? 'failed' : 'queued',
    error: undefined,
    seq: undefined,
    messageId: undefined,
    bytes: bytesOf(content),
  };
}

export function bytesOf(content: Content): number {
  return new TextEncoder().encode(JSON.stringify(content)).length;
}
