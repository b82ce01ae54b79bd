import type { Message } from './api-types.js';
import type { NovaError } from './errors.js';
import type { DeletedMessage, EditedMessage } from './protocol.js';

/** How far a client is in a conversation. Seqs of one epoch mean nothing in another. */
export interface Position {
  epoch: string;
  /** The last seq that the app has been told; -1: none. */
  seq: number;
}

/**
 * What happens in a conversation.
 *
 * Those with a `seq` are told once each, in the order of their seqs. The others have no place in that order:
 * `typing`, `presence`, `read` and `member-…` are told to whoever is connected at that moment and not repeated.
 */
export type ConversationEvent =
  /**
   * Somebody said something. `live`: as it was said, with `message.deleted` and without its content when it is known to
   * have been deleted since. `history`: as it was when the history was read, edits and deletion applied.
   */
  | { kind: 'message'; seq: number; source: 'live' | 'history'; message: Message; clientMessageId: string | undefined }
  | { kind: 'edited'; seq: number; edit: EditedMessage }
  | { kind: 'deleted'; seq: number; deletion: DeletedMessage }
  /** Something that the server itself cannot read any more. */
  | { kind: 'unreadable'; seq: number }
  /** Something that this version of the client does not know. */
  | { kind: 'other'; seq: number; type: string; data: Record<string, unknown> }
  /**
   * Too much has happened to tell it event by event. From here to `resynced`, messages come from the history.
   * Edits and deletions in between are not told one by one: messages up to `afterSeq` may have changed without a word, so
   * whoever shows them reads them again.
   */
  | { kind: 'resync'; afterSeq: number }
  | { kind: 'resynced'; seq: number }
  /**
   * The server has another log than the one that this client knew (`epoch`), or an older copy of it (`ahead`): what the
   * app holds of this conversation is void. What comes is from the start, unless the app wanted otherwise.
   */
  | { kind: 'reset'; reason: 'epoch' | 'ahead' }
  /** All that there was when the subscription began has been told. Comes after every (re)connection. */
  | { kind: 'caught-up'; seq: number }
  | { kind: 'typing'; userId: string }
  | { kind: 'presence'; online: string[]; offline: string[] }
  | { kind: 'read'; userId: string; readSeq: number }
  | { kind: 'member-added'; userId: string; role: string; addedBy: string }
  | { kind: 'member-removed'; userId: string; removedBy: string }
  /** Nothing more will be told: the user is no member (any more), or follows too many conversations. */
  | { kind: 'ended'; reason: string; error: NovaError | undefined };
