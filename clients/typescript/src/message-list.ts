import type { Message } from './api-types.js';
import type { ConversationEvent } from './events.js';
import type { Outgoing } from './outgoing.js';

/** A message as a screen shows it: one that the server has, or the echo of one that it does not have yet. */
export type Entry =
  | { kind: 'message'; seq: number; message: Message }
  /** `seq` is `Infinity` until the server has given one. */
  | { kind: 'echo'; seq: number; outgoing: Outgoing };

/**
 * What a conversation looks like: its messages in the order of their seqs, and behind them what is on its way. A
 * message of one's own is there from the moment it is queued, and moves to its place when the server has given it one.
 *
 * Feed it every event of one conversation, and every change of the outbox. It holds the newest `messagesMax` messages.
 */
export class MessageList {
  readonly #conversationId: string;
  readonly #messagesMax: number;
  readonly #messages = new Map<string, Message>();
  readonly #outgoing = new Map<string, Outgoing>();

  constructor(conversationId: string, { messagesMax = 500 }: { messagesMax?: number } = {}) {
    this.#conversationId = conversationId;
    this.#messagesMax = messagesMax;
  }

  apply(event: ConversationEvent): void {
    switch (event.kind) {
      case 'message':
        this.#put(event.message);
        if (event.clientMessageId !== undefined) this.#outgoing.delete(event.clientMessageId);
        return;
      case 'edited': {
        const held = this.#messages.get(event.edit.id);
        if (held === undefined || held.deleted) return;
        const { text, encrypted_content, nonce, edited_at } = event.edit;
        this.#messages.set(held.id, { ...held, text, encrypted_content, nonce, edited_at });
        return;
      }
      case 'deleted': {
        const held = this.#messages.get(event.deletion.id);
        if (held === undefined) return;
        const nothing = { text: null, encrypted_content: null, nonce: null, media: null };
        this.#messages.set(held.id, { ...held, ...nothing, deleted: true });
        return;
      }
      case 'reset':
        this.#messages.clear();
        return;
      default:
        // The others change no message.
        return;
    }
  }

  /** Messages read from the history, such as older ones, or those that a `resync` says may have changed. */
  put(messages: Iterable<Message>): void {
    for (const message of messages) this.#put(message);
  }

  /** A message of one's own has changed its status. */
  track(outgoing: Outgoing): void {
    if (outgoing.conversationId !== this.#conversationId) return;
    const isThere = outgoing.messageId !== undefined && this.#messages.has(outgoing.messageId);
    if (isThere) this.#outgoing.delete(outgoing.clientMessageId);
    else this.#outgoing.set(outgoing.clientMessageId, outgoing);
  }

  /** The app has discarded a failed message. */
  forget(clientMessageId: string): void {
    this.#outgoing.delete(clientMessageId);
  }

  get entries(): Entry[] {
    const messages = [...this.#messages.values()].map((message): Entry => ({ kind: 'message', seq: message.seq, message }));
    const echoes = [...this.#outgoing.values()].map(
      // One that the server has, but that has not come back yet, is shown where it will be.
      (outgoing): Entry => ({ kind: 'echo', seq: outgoing.seq ?? Infinity, outgoing }),
    );
    // Sorting is stable: what has no seq yet stays in the order in which it was queued.
    return [...messages, ...echoes].sort((a, b) => (a.seq === b.seq ? 0 : a.seq - b.seq));
  }

  #put(message: Message): void {
    this.#messages.set(message.id, message);
    for (const [clientMessageId, { messageId }] of this.#outgoing) {
      if (messageId === message.id) this.#outgoing.delete(clientMessageId);
    }
    if (this.#messages.size <= this.#messagesMax) return;
    const oldest = [...this.#messages.values()].reduce((a, b) => (b.seq < a.seq ? b : a));
    this.#messages.delete(oldest.id);
  }
}
