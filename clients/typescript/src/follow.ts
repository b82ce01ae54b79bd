import { fullJitter, type BackoffOptions } from './backoff.js';
import { sleep, type Clock } from './clock.js';
import type { Connection } from './connection.js';
import { NovaError } from './errors.js';
import type { ConversationEvent, Position } from './events.js';
import type { HttpClient } from './http.js';
import { isAnswer, type DeletedMessage, type EditedMessage, type Frame, type NewMessage } from './protocol.js';
import type { Unanswered } from './unanswered.js';

/** Where to begin: with what comes, with the first message there is, or behind what the app has. */
export type From = 'now' | 'start' | Position;

export interface FollowOptions {
  from?: From;
  /** Where to begin again after a `reset`. */
  onReset?: 'start' | 'now';
}

/** A conversation that is followed, as the app sees it. */
export interface Following {
  readonly conversationId: string;
  /** What to begin with another time. Undefined until the server has said where we are. */
  readonly position: Position | undefined;
  readonly isEnded: boolean;
  /** The app wants no more of it. */
  stop(): void;
}

export interface FollowContext {
  connection: Connection;
  http: HttpClient;
  clock: Clock;
  backoff: BackoffOptions;
  unanswered: Unanswered;
  /** Who we are, as far as is known. */
  userId: () => string | undefined;
  tell: (event: ConversationEvent) => void;
  onEnd: () => void;
}

/** Holes in a row that may be filled by subscribing anew, before the connection itself is given up. */
const GAPS_MAX = 3;
const HISTORY_LIMIT = 100;

/**
 * One conversation, followed over any number of connections.
 *
 * What keeps the promise (each event once, in order, nothing left out) is `#lastSeq` alone: an event is told if its seq is
 * the next one. What is older has been told. What is newer means that something is missing, and nothing is told until the
 * server has sent from `#lastSeq` on. The history, in which edits and deletions leave holes, is believed to be
 * without them otherwise.
 */
export class Follow implements Following {
  readonly conversationId: string;
  readonly #context: FollowContext;
  readonly #onReset: 'start' | 'now';
  readonly #ended = new AbortController();
  /** Undefined: begin with what comes. */
  #lastSeq: number | undefined;
  #epoch: string | undefined;
  /** The highest seq when the subscription began, as long as it is still to be caught up with. */
  #headSeq: number | undefined;
  #gaps = 0;
  #failures = 0;
  #resyncing = false;
  /** Where the history ended last. */
  #resyncedSeq: number | undefined;
  #retry: unknown;

  constructor(conversationId: string, { from = 'now', onReset = 'start' }: FollowOptions, context: FollowContext) {
    this.conversationId = conversationId;
    this.#context = context;
    this.#onReset = onReset;
    if (from === 'start') this.#lastSeq = -1;
    else if (from !== 'now') [this.#epoch, this.#lastSeq] = [from.epoch, from.seq];
  }

  get position(): Position | undefined {
    if (this.#epoch === undefined || this.#lastSeq === undefined) return undefined;
    return { epoch: this.#epoch, seq: this.#lastSeq };
  }

  get isEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  stop(): void {
    if (this.isEnded) return;
    this.#context.connection.send({ op: 'unsubscribe', conversation_id: this.conversationId });
    this.#finish();
  }

  /** There is a connection, and nothing of us on it yet. */
  connected(): void {
    this.#gaps = 0;
    this.#subscribe();
  }

  disconnected(): void {
    this.#headSeq = undefined;
    this.#context.clock.clearTimeout(this.#retry);
  }

  hear(frame: Frame): void {
    if (this.isEnded) return;
    if (frame.seq !== null) return this.#hearEvent(frame, frame.seq);
    if (isAnswer(frame)) {
      if (this.#context.unanswered.answered(this.conversationId) && !this.#resyncing) this.#hearAnswer(frame);
    } else if (frame.type !== 'error') {
      this.#hearNote(frame);
    } else if (frame.data['code'] === 'not_subscribed' && !this.#awaitsAnswer) {
      // The server has lost us, which it says when we tell it that somebody types.
      this.#subscribe();
    }
  }

  #hearAnswer({ type, data }: Frame): void {
    if (type === 'subscribed') return this.#subscribed(String(data['epoch'] ?? ''), numberOr(data['head_seq'], -1));
    if (type === 'resync_required') return this.#resyncRequired(String(data['epoch'] ?? ''), data['reason']);
    const code = String(data['code']);
    if (code === 'unavailable') return this.#subscribeLater();
    const status = code === 'not_found' ? 404 : 422;
    this.#end(code, new NovaError({ status, code, detail: String(data['detail'] ?? '') }));
  }

  // --- subscribing ----------------------------------------------------------------------------------------------------

  #subscribe(): void {
    if (this.isEnded || this.#resyncing) return;
    const after = this.#lastSeq === undefined ? {} : { after_seq: this.#lastSeq };
    const sent = this.#context.connection.send({ op: 'subscribe', conversation_id: this.conversationId, ...after });
    if (sent) this.#context.unanswered.sent(this.conversationId);
  }

  get #awaitsAnswer(): boolean {
    return this.#context.unanswered.has(this.conversationId);
  }

  #subscribed(epoch: string, headSeq: number): void {
    if (this.#isOfAnotherLog(epoch)) return this.#reset('epoch');
    this.#lastSeq ??= headSeq;
    this.#failures = 0;
    this.#headSeq = headSeq;
    this.#checkCaughtUp();
  }

  /** Whether what was told so far was of another log than this, which is ours from now on. */
  #isOfAnotherLog(epoch: string): boolean {
    const isOther = this.#epoch !== undefined && this.#epoch !== epoch;
    this.#epoch = epoch;
    return isOther;
  }

  #reset(reason: 'epoch' | 'ahead'): void {
    this.#lastSeq = this.#onReset === 'start' ? -1 : undefined;
    this.#resyncedSeq = undefined;
    this.#tell({ kind: 'reset', reason });
    this.#subscribe();
  }

  #checkCaughtUp(): void {
    if (this.#headSeq === undefined || this.#lastSeq === undefined || this.#lastSeq < this.#headSeq) return;
    this.#headSeq = undefined;
    this.#tell({ kind: 'caught-up', seq: this.#lastSeq });
  }

  // --- events ---------------------------------------------------------------------------------------------------------

  #hearEvent(frame: Frame, seq: number): void {
    if (this.#awaitsAnswer || this.#resyncing || this.#lastSeq === undefined) return;
    if (seq <= this.#lastSeq) return;
    if (seq > this.#lastSeq + 1) return this.#gap();
    this.#gaps = 0;
    this.#lastSeq = seq;
    this.#tell(eventOf(frame, seq));
    this.#checkCaughtUp();
  }

  /** The server leaves nothing out, so something between it and us has. It is asked to tell again from where we are. */
  #gap(): void {
    this.#gaps += 1;
    if (this.#gaps > GAPS_MAX) this.#context.connection.distrust('events are missing');
    else this.#subscribe();
  }

  #hearNote({ type, data }: Frame): void {
    const user = String(data['user_id'] ?? '');
    switch (type) {
      case 'typing':
        return this.#tell({ kind: 'typing', userId: user });
      case 'presence':
        return this.#tell({ kind: 'presence', online: strings(data['online']), offline: strings(data['offline']) });
      case 'message.read':
        return this.#tell({ kind: 'read', userId: user, readSeq: numberOr(data['seq'], -1) });
      case 'member.added': {
        const { role, added_by } = data;
        return this.#tell({ kind: 'member-added', userId: user, role: String(role), addedBy: String(added_by) });
      }
      case 'member.removed':
        this.#tell({ kind: 'member-removed', userId: user, removedBy: String(data['removed_by']) });
        if (user !== '' && user === this.#context.userId()) this.#end('removed');
        return;
      default:
        // A newer server tells of something that has no place in the order.
        return;
    }
  }

  #subscribeLater(): void {
    const { clock, backoff } = this.#context;
    clock.clearTimeout(this.#retry);
    this.#retry = clock.setTimeout(() => this.#subscribe(), fullJitter(clock, this.#failures, backoff));
    this.#failures += 1;
  }

  // --- the history ----------------------------------------------------------------------------------------------------

  #resyncRequired(epoch: string, reason: unknown): void {
    // The history is that of another log: it has nothing to do with what was told.
    if (this.#isOfAnotherLog(epoch)) return this.#reset('epoch');
    if (reason === 'ahead' || this.#lastSeq === undefined) return this.#reset('ahead');
    this.#resyncing = true;
    this.#tell({ kind: 'resync', afterSeq: this.#lastSeq });
    this.#resync(this.#lastSeq).then(
      (seq) => {
        this.#resyncing = false;
        this.#resyncedSeq = seq;
        this.#tell({ kind: 'resynced', seq });
        this.#subscribe();
      },
      (error: unknown) => {
        this.#resyncing = false;
        if (!this.isEnded) this.#end('history', error instanceof NovaError ? error : undefined);
      },
    );
  }

  /** Tells what the history has behind a seq. Where to subscribe then. */
  async #resync(afterSeq: number): Promise<number> {
    let head: number | undefined;
    if (this.#resyncedSeq === afterSeq) {
      // The history had nothing newer, and the server still would have too much to tell: edits and deletions.
      // They are behind us once the history is known to be as new as they are, which has to be asked before it is read.
      head = await this.#persist(async (signal) => {
        const call = { path: { id: this.conversationId }, signal };
        const { data, headers } = await this.#context.http.request('get', '/api/v1/conversations/{id}', call);
        if (headers.has('nova-degraded')) throw behind('The history is not the newest there is.');
        if ((data.last_seq ?? -1) <= afterSeq) throw behind('The history is behind what the server tells.');
        return data.last_seq ?? -1;
      });
    }
    let last = afterSeq;
    for (;;) {
      const page = await this.#persist(async (signal) => {
        const read = await this.#context.http.get('/api/v1/conversations/{id}/messages', {
          path: { id: this.conversationId },
          query: { after_seq: last, limit: HISTORY_LIMIT },
          signal,
        });
        if (head !== undefined && read.degraded) throw behind('The history is not the newest there is.');
        return read;
      });
      const before = last;
      for (const message of page.items) {
        if (message.seq <= last) continue;
        last = this.#lastSeq = message.seq;
        this.#tell({ kind: 'message', seq: last, source: 'history', message, clientMessageId: undefined });
        if (this.isEnded) throw this.#ended.signal.reason;
      }
      if (page.items.length < HISTORY_LIMIT || last === before) break;
    }
    // Between the last message and this, there were only edits and deletions, which the history holds.
    if (head !== undefined && head > last) last = this.#lastSeq = head;
    return last;
  }

  /** Until it works, or never can, or the app wants no more of it. */
  async #persist<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#context;
    const { signal } = this.#ended;
    for (let failures = 0; ; failures += 1) {
      try {
        return await work(signal);
      } catch (error) {
        if (signal.aborted || (error instanceof NovaError && !error.isTransient)) throw error;
        const hintMs = error instanceof NovaError ? (error.retryAfter ?? 0) * 1000 : 0;
        await sleep(clock, Math.max(hintMs, fullJitter(clock, failures, backoff)), signal);
      }
    }
  }

  // --- the end --------------------------------------------------------------------------------------------------------

  #end(reason: string, error?: NovaError): void {
    // First, so that the app may follow the conversation again when it is told.
    this.#finish();
    this.#context.tell({ kind: 'ended', reason, error });
  }

  #finish(): void {
    if (this.isEnded) return;
    this.#ended.abort();
    this.#context.clock.clearTimeout(this.#retry);
    this.#context.onEnd();
  }

  #tell(event: ConversationEvent): void {
    if (!this.isEnded) this.#context.tell(event);
  }
}

function behind(detail: string): NovaError {
  return new NovaError({ status: 503, code: 'views_behind', detail });
}

function eventOf({ type, data }: Frame, seq: number): ConversationEvent {
  switch (type) {
    case 'message.new': {
      const { client_message_id: clientMessageId, ...message } = data as unknown as NewMessage;
      return { kind: 'message', seq, source: 'live', message, clientMessageId: clientMessageId ?? undefined };
    }
    case 'message.edited':
      return { kind: 'edited', seq, edit: data as unknown as EditedMessage };
    case 'message.deleted':
      return { kind: 'deleted', seq, deletion: data as unknown as DeletedMessage };
    case 'error':
      return { kind: 'unreadable', seq };
    default:
      return { kind: 'other', seq, type, data };
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
