/** What is said over the WebSocket: operations to the server, frames from it, and the codes it closes with. */
import type { Message } from './api-types.js';

export type Op =
  | { op: 'auth'; token: string }
  | { op: 'subscribe'; conversation_id: string; after_seq?: number }
  | { op: 'unsubscribe'; conversation_id: string }
  | { op: 'typing'; conversation_id: string }
  | { op: 'ping' };

/** Every frame has these four keys. `seq` is there for message events only. */
export interface Frame {
  type: string;
  conversation_id: string | null;
  seq: number | null;
  data: Record<string, unknown>;
}

export type NewMessage = Message & { client_message_id?: string | null };

export interface EditedMessage {
  id: string;
  sender_id: string;
  text: string | null;
  encrypted_content: string | null;
  nonce: string | null;
  edited_at: string;
}

export interface DeletedMessage {
  id: string;
  sender_id: string;
  deleted_by: string;
  deleted_at: string;
}

/**
 * `undefined`: this is no frame, so something on the way is broken and the connection cannot be trusted any more. Types
 * that are not known are frames: servers may be newer than this.
 */
export function parseFrame(data: unknown): Frame | undefined {
  if (typeof data !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, conversation_id = null, seq = null, data: held } = value as Partial<Record<keyof Frame, unknown>>;
  const isFrame =
    typeof type === 'string' &&
    (conversation_id === null || typeof conversation_id === 'string') &&
    (seq === null || (Number.isSafeInteger(seq) && (seq as number) >= 0 && conversation_id !== null)) &&
    (held === null || held === undefined || typeof held === 'object');
  if (!isFrame) return undefined;
  return { type, conversation_id, seq: seq as number | null, data: (held ?? {}) as Record<string, unknown> };
}

const REFUSALS = new Set(['not_found', 'too_many_subscriptions', 'invalid_after_seq', 'unavailable']);

/** Whether it is the answer to a `subscribe`: each one gets exactly one. */
export function isAnswer({ type, seq, data }: Frame): boolean {
  if (type === 'subscribed' || type === 'resync_required') return true;
  return type === 'error' && seq === null && REFUSALS.has(String(data['code']));
}

/** What to do after the end of a connection. */
export type AfterClose =
  /** Come back: at least after `waitMs`, which the server has chosen. */
  | { kind: 'retry'; waitMs?: number; atLeastMs?: number }
  /** Come back at once, with another token. */
  | { kind: 'refresh' }
  /** Coming back would end the same way. */
  | { kind: 'stop' };

const UNAUTHORIZED = 4001;
/** Operations, connections. */
const TOO_MANY = new Set([4029, 4030]);
const RESTART = 1012;
/**
 * Unsupported data, policy, too large a frame, a missing extension: the same client would do the same again. 4003: the
 * account is deactivated.
 */
const PERMANENT = new Set([1003, 1008, 1009, 1010, 4003]);
const TOO_MANY_WAIT_MS = 5_000;
/** A hint beyond this is taken for a mistake. */
const HINT_MS_MAX = 5 * 60_000;

export function afterClose(code: number, reason: string): AfterClose {
  if (code === UNAUTHORIZED) return reason === 'another_user' ? { kind: 'stop' } : { kind: 'refresh' };
  if (PERMANENT.has(code)) return { kind: 'stop' };
  if (TOO_MANY.has(code)) return { kind: 'retry', atLeastMs: TOO_MANY_WAIT_MS };
  if (code === RESTART) {
    const waitMs = hintOf(reason);
    if (waitMs !== undefined) return { kind: 'retry', waitMs };
  }
  return { kind: 'retry' };
}

function hintOf(reason: string): number | undefined {
  try {
    const hint = (JSON.parse(reason) as { retry_after_ms?: unknown }).retry_after_ms;
    return typeof hint === 'number' && hint >= 0 ? Math.min(hint, HINT_MS_MAX) : undefined;
  } catch {
    return undefined;
  }
}
