import { sleep, type Clock } from './clock.js';
import { Emitter } from './emitter.js';
import { NovaError, QueueFullError } from './errors.js';
import type { HttpClient } from './http.js';
import { bytesOf, restored, stored, type Content, type Item, type Outgoing } from './outgoing.js';
import { uuid } from './platform.js';
import type { Storage } from './storage.js';

export interface OutboxOptions {
  http: HttpClient;
  clock: Clock;
  storage: Storage;
  /** Before every key in the storage; different for every user that shares it. */
  keyPrefix: string;
  attemptsMax: number;
  retryBaseMs: number;
  retryMaxMs: number;
  /** Of one attempt. */
  sendTimeoutMs: number;
  /** Messages of different conversations that are sent at the same time. */
  concurrencyMax: number;
  /** In the queue, failed ones included, and what their contents may take. */
  messagesMax: number;
  bytesMax: number;
}

interface Events {
  /** A message's status has changed. */
  change: Outgoing;
  /** The server has it. */
  sent: Outgoing;
  /** It has failed for good. */
  failed: Outgoing;
  /** The storage does not work. Messages are sent all the same, but may not survive a reload. */
  storageError: unknown;
}

/** What waits in one conversation, in the order of `send()`. */
interface Lane {
  items: Item[];
  running: boolean;
}

/** By how much of itself a wait is longer or shorter. */
const JITTER = 0.2;

/**
 * Messages to be sent.
 *
 * - In each conversation they are sent one after the other, in the order of `send()`: the next one goes when the one before
 *   it is sent or has failed for good.
 * - A message has one idempotency key, made and stored before its first attempt. So however often it is tried, by
 *   whomever shares the storage, the server takes it once.
 * - An attempt that may go better later (no answer, 408, 425, 429, 5xx) is repeated after 2 s, 4 s, 8 s ... at most 60 s,
 *   give or take a fifth, and no sooner than `Retry-After` says; five attempts in all. Any other refusal is for good.
 * - While the gate is shut (there is no network), nothing is tried and no attempt is counted.
 * - It holds so many messages and bytes and no more.
 */
export class Outbox extends Emitter<Events> {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #failed = new Map<string, Item>();
  readonly #closing = new AbortController();
  /** Resolves those who wait for the gate, for a place, or for all to be done. */
  readonly #waiters = new Set<() => void>();
  /** What is under way for a message, which its arrival by another way cuts short. */
  readonly #turns = new Map<string, AbortController>();
  /** All that is not sent or discarded, and so has a place in the storage. */
  readonly #kept = new Map<string, Item>();
  #gateOpen = true;
  #sending = 0;
  #bytes = 0;
  #order = 0;
  #loading: Promise<void> | undefined;
  /** What is written goes one after the other, so that the last word on a message is the last one written. */
  #writes: Promise<void> = Promise.resolve();

  constructor(options: OutboxOptions, onListenerError?: (error: unknown) => void) {
    super(onListenerError);
    this.#options = options;
  }

  /** Takes up what an earlier life has left in the storage. Sending waits for it. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Queues a message. Throws a {@link QueueFullError} when there is no room for it. */
  send(conversationId: string, content: Content): Outgoing {
    const bytes = bytesOf(content);
    const { messagesMax, bytesMax } = this.#options;
    if (this.#kept.size >= messagesMax) throw new QueueFullError('messages', messagesMax);
    if (this.#bytes + bytes > bytesMax) throw new QueueFullError('bytes', bytesMax);
    this.#order += 1;
    const item: Item = {
      conversationId,
      content,
      clientMessageId: uuid(),
      idempotencyKey: uuid(),
      createdAt: this.#options.clock.now(),
      status: 'queued',
      attempts: 0,
      error: undefined,
      seq: undefined,
      messageId: undefined,
      order: this.#order,
      bytes,
    };
    this.#keep(item);
    this.#enqueue(item);
    return item;
  }

  /** Tries a failed message again, behind those that wait; with the same key, so that it is not said twice. */
  retry(clientMessageId: string): boolean {
    const item = this.#failed.get(clientMessageId);
    if (item === undefined) return false;
    this.#failed.delete(clientMessageId);
    this.#order += 1;
    Object.assign(item, { status: 'queued', attempts: 0, error: undefined, order: this.#order });
    this.#enqueue(item);
    return true;
  }

  /** Forgets a failed message. */
  discard(clientMessageId: string): boolean {
    const item = this.#failed.get(clientMessageId);
    if (item === undefined) return false;
    this.#failed.delete(clientMessageId);
    this.#forget(item);
    return true;
  }

  /** What is not sent, in the order of `send()`. */
  list(conversationId?: string): Outgoing[] {
    const all = [...this.#kept.values()].sort((a, b) => a.order - b.order);
    return conversationId === undefined ? all : all.filter((item) => item.conversationId === conversationId);
  }

  /** Whether there is any sense in trying. */
  setGate(open: boolean): void {
    this.#gateOpen = open;
    if (open) this.#wake();
  }

  /** A message of ours has come back from the server, which is as good as the answer to its sending. */
  arrived(clientMessageId: string, messageId: string, seq: number): void {
    const item = this.#kept.get(clientMessageId);
    if (item === undefined || isDone(item)) return;
    this.#failed.delete(clientMessageId);
    this.#isSent(item, messageId, seq);
    this.#turns.get(clientMessageId)?.abort();
  }

  /** Resolves when nothing waits or is under way any more; rejects with the signal's reason when that takes too long. */
  async drain(signal?: AbortSignal): Promise<void> {
    await this.#loading;
    await this.#until(() => this.#lanes.size === 0, signal);
  }

  /** Ends what is under way. What is not sent stays in the storage. */
  close(): void {
    this.#closing.abort(new Error('the outbox is closed'));
    this.#wake();
  }

  // --- the queue ------------------------------------------------------------------------------------------------------

  async #load(): Promise<void> {
    const items = await this.#stored();
    const newest = items.at(-1);
    if (newest === undefined) return;
    // What has been queued meanwhile is younger, whatever number it has.
    this.#order = Math.max(this.#order, newest.order);
    for (const item of this.list() as Item[]) {
      item.order = this.#order += 1;
      void this.#save(item);
    }
    const waiting = new Map<string, Item[]>();
    for (const item of items) {
      this.#keep(item);
      if (item.status === 'failed') this.#failed.set(item.clientMessageId, item);
      else waiting.set(item.conversationId, [...(waiting.get(item.conversationId) ?? []), item]);
    }
    for (const [conversationId, older] of waiting) this.#lane(conversationId).items.unshift(...older);
    for (const item of items) this.emit('change', item);
    for (const conversationId of this.#lanes.keys()) this.#run(conversationId);
  }

  /** What an earlier life has left, in its order. */
  async #stored(): Promise<Item[]> {
    const { storage, keyPrefix } = this.#options;
    const items: Item[] = [];
    try {
      for (const key of await storage.keys(keyPrefix)) {
        const text = await storage.get(key);
        const item = text === null ? undefined : restored(text);
        if (item !== undefined && !this.#kept.has(item.clientMessageId)) items.push(item);
        else if (text !== null && item === undefined) await storage.delete(key);
      }
    } catch (error) {
      this.emit('storageError', error);
    }
    return items.sort((a, b) => a.order - b.order);
  }

  #keep(item: Item): void {
    this.#kept.set(item.clientMessageId, item);
    this.#bytes += item.bytes;
  }

  #forget(item: Item): void {
    if (!this.#kept.delete(item.clientMessageId)) return;
    this.#bytes -= item.bytes;
    void this.#write(() => this.#options.storage.delete(this.#key(item)));
  }

  #lane(conversationId: string): Lane {
    const lane = this.#lanes.get(conversationId) ?? { items: [], running: false };
    this.#lanes.set(conversationId, lane);
    return lane;
  }

  #enqueue(item: Item): void {
    this.#lane(item.conversationId).items.push(item);
    void this.#save(item);
    this.emit('change', item);
    this.#run(item.conversationId);
  }

  #run(conversationId: string): void {
    const lane = this.#lane(conversationId);
    if (lane.running || this.#closing.signal.aborted) return;
    lane.running = true;
    void this.#work(lane)
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted) this.emit('storageError', error);
      })
      .finally(() => {
        lane.running = false;
        if (lane.items.length > 0 && !this.#closing.signal.aborted) this.#run(conversationId);
      });
  }

  async #work(lane: Lane): Promise<void> {
    await this.load();
    for (let item = lane.items[0]; item !== undefined; item = lane.items[0]) {
      if (item.status === 'queued') await this.#deliver(item);
      lane.items.shift();
      if (lane.items.length === 0) {
        this.#lanes.delete(item.conversationId);
        this.#wake();
      }
    }
  }

  // --- one message ----------------------------------------------------------------------------------------------------

  /** Until it is sent or has failed for good. Rejects only when the outbox is closed. */
  async #deliver(item: Item): Promise<void> {
    // It has been stored before anybody hears of it, unless the storage does not work.
    await this.#writes;
    const turn = new AbortController();
    const onClose = (): void => turn.abort();
    this.#closing.signal.addEventListener('abort', onClose, { once: true });
    this.#turns.set(item.clientMessageId, turn);
    try {
      if (isDone(item)) return;
      while (!(await this.#try(item, turn.signal)));
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      // It has arrived by another way.
      if (!isDone(item)) throw error;
    } finally {
      this.#turns.delete(item.clientMessageId);
      this.#closing.signal.removeEventListener('abort', onClose);
    }
  }

  /** One attempt, and the wait for the next one. Whether there is none. */
  async #try(item: Item, signal: AbortSignal): Promise<boolean> {
    await this.#until(() => this.#takePlace(), signal);
    const error = await this.#attempt(item, signal);
    if (error === undefined) return true;
    if (!error.isTransient || item.attempts >= this.#options.attemptsMax) {
      this.#hasFailed(item, error);
      return true;
    }
    this.#change(item, 'queued', error);
    void this.#save(item);
    await sleep(this.#options.clock, this.#pauseMs(item, error), signal);
    return false;
  }

  #takePlace(): boolean {
    const isFree = this.#gateOpen && this.#sending < this.#options.concurrencyMax;
    if (isFree) this.#sending += 1;
    return isFree;
  }

  /** Gives up its place at the end. */
  async #attempt(item: Item, signal: AbortSignal): Promise<NovaError | undefined> {
    item.attempts += 1;
    try {
      this.#change(item, 'sending');
      const accepted = await this.#options.http.post('/api/v1/conversations/{id}/messages', {
        path: { id: item.conversationId },
        body: { ...item.content, client_message_id: item.clientMessageId },
        idempotencyKey: item.idempotencyKey,
        timeoutMs: this.#options.sendTimeoutMs,
        signal,
      });
      if (!isDone(item)) this.#isSent(item, accepted.id, accepted.revision ?? undefined);
      return undefined;
    } catch (error) {
      if (signal.aborted) {
        if (!isDone(item)) Object.assign(item, { status: 'queued', attempts: item.attempts - 1 });
        throw error;
      }
      if (error instanceof NovaError) return error;
      // The app's own code failed, such as its provider of tokens: as good as no network.
      return new NovaError({ status: 0, code: 'network_error', detail: String(error), cause: error });
    } finally {
      this.#sending -= 1;
      this.#wake();
    }
  }

  #pauseMs(item: Item, { retryAfter = 0 }: NovaError): number {
    const { clock, retryBaseMs, retryMaxMs } = this.#options;
    const planned = Math.min(retryMaxMs, retryBaseMs * 2 ** (item.attempts - 1));
    return Math.max(planned * (1 - JITTER + 2 * JITTER * clock.random()), retryAfter * 1000);
  }

  #isSent(item: Item, messageId: string, seq: number | undefined): void {
    item.messageId = messageId;
    item.seq = seq;
    this.#forget(item);
    this.#change(item, 'sent');
    this.emit('sent', item);
  }

  #hasFailed(item: Item, error: NovaError): void {
    this.#failed.set(item.clientMessageId, item);
    this.#change(item, 'failed', error);
    void this.#save(item);
    this.emit('failed', item);
  }

  #change(item: Item, status: Item['status'], error?: NovaError): void {
    item.status = status;
    item.error = error;
    this.emit('change', item);
  }

  // --- the storage ----------------------------------------------------------------------------------------------------

  #key(item: Item): string {
    return this.#options.keyPrefix + item.clientMessageId;
  }

  #save(item: Item): Promise<void> {
    return this.#write(() => {
      // Whoever has been forgotten meanwhile stays so.
      const isKept = this.#kept.get(item.clientMessageId) === item;
      return isKept ? this.#options.storage.set(this.#key(item), stored(item)) : undefined;
    });
  }

  #write(run: () => void | Promise<void>): Promise<void> {
    this.#writes = this.#writes.then(run).catch((error: unknown) => this.emit('storageError', error));
    return this.#writes;
  }

  // --- waiting --------------------------------------------------------------------------------------------------------

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  async #until(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!holds()) {
      this.#closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiters.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      });
    }
  }
}

/** A function, because the compiler does not know that others change the status while one waits. */
function isDone(item: Item): boolean {
  return item.status === 'sent';
}
