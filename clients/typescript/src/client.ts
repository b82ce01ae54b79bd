import type { BackoffOptions } from './backoff.js';
import { systemClock, type Clock } from './clock.js';
import { Connection, type ConnectionState } from './connection.js';
import { Emitter } from './emitter.js';
import type { ConversationEvent } from './events.js';
import { Follow, type Following, type FollowOptions } from './follow.js';
import { HttpClient } from './http.js';
import { Outbox } from './outbox.js';
import type { Content, Outgoing } from './outgoing.js';
import { isAnswer, type Frame } from './protocol.js';
import type { SocketFactory } from './socket.js';
import { MemoryStorage, type Storage } from './storage.js';
import { Tokens, type TokenProvider } from './tokens.js';
import { Unanswered } from './unanswered.js';

export interface NovaOptions {
  /** Where Nova is, such as `https://nova.example.org`. */
  url: string;
  /** Gives the bearer token, and another one when that expires. A string is a token that never changes. */
  token: string | TokenProvider;
  /** Where unsent messages outlive the page. In memory by default. */
  storage?: Storage;
  /** What keeps the messages of this user apart from those of others in the same storage. */
  account?: string;
  /** Errors that the app's own listeners throw. */
  onListenerError?: (error: unknown) => void;
  /** How long a request may take that does not name its own time. */
  timeoutMs?: number;
  connection?: Partial<BackoffOptions & { openTimeoutMs: number; pingIntervalMs: number; pongTimeoutMs: number }>;
  outbox?: Partial<OutboxLimits>;
  fetch?: typeof globalThis.fetch;
  socket?: SocketFactory;
  clock?: Clock;
}

export interface OutboxLimits {
  attemptsMax: number;
  retryBaseMs: number;
  retryMaxMs: number;
  sendTimeoutMs: number;
  concurrencyMax: number;
  messagesMax: number;
  bytesMax: number;
}

const OUTBOX: OutboxLimits = {
  attemptsMax: 5,
  retryBaseMs: 2_000,
  retryMaxMs: 60_000,
  sendTimeoutMs: 15_000,
  concurrencyMax: 4,
  messagesMax: 1_000,
  bytesMax: 4 * 1024 * 1024,
};

const CONNECTION = { baseMs: 500, maxMs: 30_000, openTimeoutMs: 15_000, pingIntervalMs: 25_000, pongTimeoutMs: 10_000 };

/** A network that lets requests through and no WebSocket must not hold messages for ever. */
const GATE_TRIAL_MS = 60_000;
/** One who types is told of at most this often. */
const TYPING_EVERY_MS = 3_000;

interface Events {
  connection: ConnectionState;
  /** Every event of every conversation that is followed. */
  event: { conversationId: string; event: ConversationEvent };
  /** A post that belongs into the timeline: ask for it with `after` the position. A hint; some are not told. */
  timeline: { postId: string; authorId: string; createdAt: string; position: number };
  /** The user has become a member of a conversation that is not followed, or has ceased to be one. A hint. */
  membership: { conversationId: string; isMember: boolean };
}

/** Nova, for one user. */
export class Nova extends Emitter<Events> {
  readonly http: HttpClient;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #backoff: BackoffOptions;
  readonly #follows = new Map<string, Follow>();
  readonly #unanswered = new Unanswered();
  readonly #typed = new Map<string, number>();
  readonly #onOnline = (): void => {
    this.connection.retryNow();
    this.#updateGate();
  };
  readonly #onOffline = (): void => this.#updateGate();
  #wasOpen = false;
  #trialOver = false;
  #trial: unknown;

  constructor(options: NovaOptions) {
    super(options.onListenerError);
    const { url, fetch, timeoutMs, socket, clock = systemClock, onListenerError } = options;
    this.#clock = clock;
    this.#tokens = new Tokens(options.token);
    this.http = new HttpClient({ url, tokens: this.#tokens, fetch, clock, timeoutMs });
    const { baseMs, maxMs, ...times } = { ...CONNECTION, ...options.connection };
    this.#backoff = { baseMs, maxMs };
    const connection = { url, tokens: this.#tokens, clock, socket, backoff: this.#backoff, ...times };
    this.connection = new Connection(connection, onListenerError);
    const storage = options.storage ?? new MemoryStorage();
    const keyPrefix = `nova.outbox.${options.account ?? ''}.`;
    const outbox = { http: this.http, clock, storage, keyPrefix, ...OUTBOX, ...options.outbox };
    this.outbox = new Outbox(outbox, onListenerError);
    this.connection.on('state', (state) => this.#onState(state));
    this.connection.on('frame', (frame) => this.#onFrame(frame));
  }

  /** The user's id, as the token says. */
  get userId(): string | undefined {
    return this.#tokens.userId;
  }

  /** Connects, and stays connected until `close()`. Takes up what an earlier life has left unsent. */
  start(): void {
    globalThis.addEventListener?.('online', this.#onOnline);
    globalThis.addEventListener?.('offline', this.#onOffline);
    this.#clock.clearTimeout(this.#trial);
    this.#trial = this.#clock.setTimeout(() => {
      this.#trialOver = true;
      this.#updateGate();
    }, GATE_TRIAL_MS);
    this.connection.start();
    this.#updateGate();
    void this.outbox.load();
  }

  /** Ends everything. With `drainMs`, what is to be sent has so long to get through first. */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<void> {
    if (drainMs > 0) {
      const controller = new AbortController();
      const timer = this.#clock.setTimeout(() => controller.abort(), drainMs);
      // What is not sent in time stays in the storage.
      await this.outbox.drain(controller.signal).catch(() => {});
      this.#clock.clearTimeout(timer);
    }
    globalThis.removeEventListener?.('online', this.#onOnline);
    globalThis.removeEventListener?.('offline', this.#onOffline);
    this.#clock.clearTimeout(this.#trial);
    for (const follow of [...this.#follows.values()]) follow.stop();
    this.connection.stop();
    this.outbox.close();
  }

  /**
   * Tells what happens in a conversation, over any number of connections. A conversation is followed once at a time.
   * See {@link ConversationEvent} for what is promised.
   */
  follow(conversationId: string, options: FollowOptions, listener: (event: ConversationEvent) => void): Following {
    if (this.#follows.has(conversationId)) throw new Error(`${conversationId} is followed already`);
    const follow: Follow = new Follow(conversationId, options, {
      connection: this.connection,
      http: this.http,
      clock: this.#clock,
      backoff: this.#backoff,
      unanswered: this.#unanswered,
      userId: () => this.userId,
      tell: (event) => this.#tell(conversationId, event, listener),
      onEnd: () => {
        if (this.#follows.get(conversationId) === follow) this.#follows.delete(conversationId);
      },
    });
    this.#follows.set(conversationId, follow);
    if (this.connection.state.name === 'open') follow.connected();
    return follow;
  }

  /** Queues a message: a text, or whatever else a message can hold. */
  send(conversationId: string, content: string | Content): Outgoing {
    return this.outbox.send(conversationId, typeof content === 'string' ? { text: content } : content);
  }

  /** Tells the others that the user is typing; as often as one likes, they are told every few seconds. */
  typing(conversationId: string): void {
    const now = this.#clock.now();
    if (now - (this.#typed.get(conversationId) ?? -Infinity) < TYPING_EVERY_MS) return;
    if (!this.connection.sendNowOrNever({ op: 'typing', conversation_id: conversationId })) return;
    for (const [id, at] of this.#typed) if (now - at >= TYPING_EVERY_MS) this.#typed.delete(id);
    this.#typed.set(conversationId, now);
  }

  /** Says that everything up to a seq has been read. */
  async markRead(conversationId: string, seq: number): Promise<void> {
    await this.http.put('/api/v1/conversations/{id}/read', { path: { id: conversationId }, body: { seq } });
  }

  #tell(conversationId: string, event: ConversationEvent, listener: (event: ConversationEvent) => void): void {
    if (event.kind === 'message' && event.clientMessageId !== undefined && event.message.sender_id === this.userId) {
      this.outbox.arrived(event.clientMessageId, event.message.id, event.seq);
    }
    this.guard(() => listener(event));
    this.emit('event', { conversationId, event });
  }

  #onState(state: ConnectionState): void {
    if (state.name === 'open') {
      this.#wasOpen = true;
      for (const follow of [...this.#follows.values()]) follow.connected();
    } else {
      this.#unanswered.clear();
      for (const follow of this.#follows.values()) follow.disconnected();
    }
    this.#updateGate();
    this.emit('connection', state);
  }

  /**
   * Whether to try to send. The connection knows best whether there is a network, once it has been there at all. Where it
   * ended because the user has to sign in again, messages wait for that.
   */
  #updateGate(): void {
    const state = this.connection.state;
    const isOffline = globalThis.navigator?.onLine === false;
    const isUp = state.name === 'open' || state.name === 'idle';
    const isUnknown = !this.#wasOpen && this.#trialOver;
    const isUseless = state.name === 'closed' && state.error.status !== 401;
    this.outbox.setGate(!isOffline && (isUp || isUnknown || isUseless));
  }

  #onFrame(frame: Frame): void {
    const { type, conversation_id: conversationId, data } = frame;
    const follow = conversationId === null ? undefined : this.#follows.get(conversationId);
    if (follow !== undefined) return follow.hear(frame);
    if (conversationId !== null && isAnswer(frame)) {
      this.#unanswered.answered(conversationId);
    } else if (type === 'timeline.new') {
      const { post_id, author_id, created_at, position } = data;
      this.emit('timeline', {
        postId: String(post_id),
        authorId: String(author_id),
        createdAt: String(created_at),
        position: Number(position),
      });
    } else if (conversationId !== null && (type === 'member.added' || type === 'member.removed')) {
      if (data['user_id'] === this.userId) {
        this.emit('membership', { conversationId, isMember: type === 'member.added' });
      }
    } else if (type === 'error' && data['code'] === 'malformed_frame') {
      const error = new Error(`the server did not understand: ${String(data['detail'])}`);
      this.guard(() => {
        throw error;
      });
    }
  }
}
