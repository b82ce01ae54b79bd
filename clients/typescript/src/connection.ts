import { fullJitter, type BackoffOptions } from './backoff.js';
import type { Clock } from './clock.js';
import { Emitter } from './emitter.js';
import { NovaError } from './errors.js';
import { Pacer } from './pacer.js';
import { platform } from './platform.js';
import { afterClose, parseFrame, type AfterClose, type Frame, type Op } from './protocol.js';
import type { Socket, SocketFactory } from './socket.js';
import { claimsOf, type Tokens } from './tokens.js';

/**
 * - `idle`: not started, or stopped by the app.
 * - `connecting`: up to the server's first answer, which is also its word that the token is good.
 * - `open`.
 * - `waiting`: for the next attempt, `waitMs` from when it was told.
 * - `closed`: for good, for the server would refuse the next attempt too. `start()` tries all the same.
 */
export type ConnectionState =
  | { name: 'idle' }
  | { name: 'connecting'; failures: number }
  | { name: 'open' }
  | { name: 'waiting'; failures: number; waitMs: number; code: number; reason: string }
  | { name: 'closed'; error: NovaError };

export interface ConnectionOptions {
  /** Where Nova is; `http` is taken for `ws`, and `https` for `wss`. */
  url: string;
  tokens: Tokens;
  clock: Clock;
  socket?: SocketFactory | undefined;
  backoff: BackoffOptions;
  /** How long the opening may take, with the check of the token. */
  openTimeoutMs: number;
  /** Silence after which the server is asked whether it is there. */
  pingIntervalMs: number;
  /** How long it may take to answer. */
  pongTimeoutMs: number;
}

interface Events {
  state: ConnectionState;
  frame: Frame;
}

/** A connection that lived so long was a good one: the count of failures begins anew. */
const STABLE_MS = 5_000;
/** Codes of our own, for ends that no server told of (RFC 6455 leaves 1006 for what just ends). */
const ABNORMAL = 1006;
/** A token is replaced so long before it expires, or earlier when it is short-lived. */
const REAUTH_AHEAD_MS = 60_000;
const REAUTH_RETRY_MS = 5_000;

/**
 * One WebSocket after the other, for as long as the app wants one. It knows of tokens, liveness and when to come back,
 * and nothing of what the frames say.
 */
export class Connection extends Emitter<Events> {
  readonly #options: ConnectionOptions;
  #state: ConnectionState = { name: 'idle' };
  #link: Link | undefined;
  #failures = 0;
  /** Times in a row that the server refused a token, and the last of those. */
  #refused = 0;
  #stale: string | undefined;
  #retry: unknown;

  constructor(options: ConnectionOptions, onListenerError?: (error: unknown) => void) {
    super(onListenerError);
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  start(): void {
    if (this.#state.name !== 'idle' && this.#state.name !== 'closed') return;
    this.#failures = 0;
    this.#refused = 0;
    this.#connect();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#retry);
    this.#link?.end(1000);
    this.#link = undefined;
    if (this.#state.name !== 'idle') this.#become({ name: 'idle' });
  }

  /** Does not wait any longer, such as when the network is back. */
  retryNow(): void {
    if (this.#state.name !== 'waiting') return;
    this.#options.clock.clearTimeout(this.#retry);
    this.#connect();
  }

  /** Whether there is a connection that takes it. */
  send(op: Op): boolean {
    if (this.#state.name !== 'open') return false;
    this.#link?.send(op);
    return true;
  }

  /** For what is worth nothing later. */
  sendNowOrNever(op: Op): boolean {
    return this.#state.name === 'open' && this.#link !== undefined && this.#link.sendNowOrNever(op);
  }

  /** Ends this connection and makes another: what it brings cannot be trusted. */
  distrust(reason: string): void {
    const link = this.#link;
    if (link !== undefined) this.#lost(link, ABNORMAL, reason);
  }

  #connect(): void {
    this.#become({ name: 'connecting', failures: this.#failures });
    const link: Link = new Link(this.#options, this.#stale, {
      open: () => this.#opened(link),
      frame: (frame) => this.#heard(link, frame),
      lost: (code, reason) => this.#lost(link, code, reason),
      failed: (error) => this.#failed(link, error),
    });
    this.#link = link;
    link.open();
  }

  #opened(link: Link): void {
    if (link !== this.#link) return;
    this.#refused = 0;
    this.#stale = undefined;
    this.#become({ name: 'open' });
  }

  #heard(link: Link, frame: Frame): void {
    if (link !== this.#link || this.#state.name !== 'open') return;
    // Whoever gets somewhere may come back soon.
    if (frame.seq !== null) this.#failures = 0;
    this.emit('frame', frame);
  }

  #lost(link: Link, code: number, reason: string): void {
    if (link !== this.#link) return;
    if (link.openForMs > STABLE_MS) this.#failures = 0;
    link.end();
    this.#link = undefined;
    let next = afterClose(code, reason);
    if (next.kind === 'refresh') {
      this.#refused += 1;
      // The token before was perhaps an old one; this one was made for the purpose.
      if (this.#refused > 1) next = { kind: 'stop' };
      else this.#stale = link.token;
    }
    if (next.kind === 'stop') {
      const unauthorized = this.#refused > 1;
      const detail = `The server closed the connection for good (${code} ${reason}).`;
      this.#close(new NovaError({ status: unauthorized ? 401 : 0, code: unauthorized ? reason : 'closed', detail }));
      return;
    }
    this.#wait(next, code, reason);
  }

  /** Before there was a socket: the app had no token, or there is no WebSocket here. */
  #failed(link: Link, error: unknown): void {
    if (link !== this.#link) return;
    const isRefusal = error instanceof NovaError && !error.isTransient;
    if (isRefusal) {
      this.#link = undefined;
      this.#close(error);
    } else {
      this.#lost(link, ABNORMAL, error instanceof Error ? error.message : String(error));
    }
  }

  #close(error: NovaError): void {
    this.#become({ name: 'closed', error });
  }

  #wait(next: Exclude<AfterClose, { kind: 'stop' }>, code: number, reason: string): void {
    const { clock, backoff } = this.#options;
    let waitMs = fullJitter(clock, this.#failures, backoff);
    if (next.kind === 'refresh') waitMs = 0;
    else if (next.waitMs !== undefined) waitMs = next.waitMs + clock.random() * backoff.baseMs;
    else if (next.atLeastMs !== undefined) waitMs += next.atLeastMs;
    this.#failures += 1;
    this.#retry = clock.setTimeout(() => this.#connect(), waitMs);
    this.#become({ name: 'waiting', failures: this.#failures, waitMs, code, reason });
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

interface LinkEvents {
  open: () => void;
  frame: (frame: Frame) => void;
  lost: (code: number, reason: string) => void;
  failed: (error: unknown) => void;
}

/** One WebSocket, from its opening to its end. */
class Link {
  readonly #options: ConnectionOptions;
  /** A token that the server has refused. */
  readonly #stale: string | undefined;
  readonly #events: LinkEvents;
  #socket: Socket | undefined;
  #pacer: Pacer | undefined;
  #token: string | undefined;
  #openedAt: number | undefined;
  #ended = false;
  #liveness: unknown;
  #reauth: unknown;

  constructor(options: ConnectionOptions, stale: string | undefined, events: LinkEvents) {
    this.#options = options;
    this.#stale = stale;
    this.#events = events;
  }

  get token(): string | undefined {
    return this.#token;
  }

  get openForMs(): number {
    return this.#openedAt === undefined ? 0 : this.#options.clock.now() - this.#openedAt;
  }

  open(): void {
    // From here on, for the app's token may take its time too.
    this.#expect(this.#options.openTimeoutMs, 'no answer to the opening');
    this.#connect().catch((error: unknown) => {
      if (!this.#ended) this.#events.failed(error);
    });
  }

  async #connect(): Promise<void> {
    const { tokens } = this.#options;
    const token = await (this.#stale === undefined ? tokens.get() : tokens.refresh(this.#stale));
    if (token === this.#stale) {
      const detail = 'The token is refused, and there is no other.';
      throw new NovaError({ status: 401, code: 'unauthorized', detail });
    }
    const factory = this.#options.socket ?? (await platform.socket());
    if (this.#ended) return;
    this.#token = token;
    const socket = factory(`${this.#options.url.replace(/^http/, 'ws').replace(/\/+$/, '')}/api/v1/ws`);
    this.#socket = socket;
    this.#pacer = new Pacer(this.#options.clock, (text) => socket.send(text));
    socket.onopen = () => {
      // The server says nothing to a good token; that it answers the ping behind it says the same.
      this.send({ op: 'auth', token });
      this.send({ op: 'ping' });
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    // A close without a word should follow, but not every WebSocket has one for a connection that never came about.
    socket.onerror = () => this.#lose(ABNORMAL, 'the connection failed');
    socket.onclose = ({ code, reason }) => this.#lose(code, reason);
  }

  send(op: Op): void {
    this.#pacer?.push(JSON.stringify(op));
  }

  sendNowOrNever(op: Op): boolean {
    return this.#pacer?.pushOrDrop(JSON.stringify(op)) ?? false;
  }

  /** With a goodbye when there is a code for it. */
  end(code?: number): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#liveness);
    this.#options.clock.clearTimeout(this.#reauth);
    this.#pacer?.stop();
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Without a listener, an error of Node's `ws` would end the process.
    socket.onerror = () => {};
    const open = 1;
    if (code !== undefined && socket.readyState === open) socket.close(code);
    else if (socket.terminate !== undefined) socket.terminate();
    else socket.close();
  }

  #hear(data: unknown): void {
    const frame = parseFrame(data);
    if (frame === undefined) return this.#lose(ABNORMAL, 'not a frame');
    this.#expectLife();
    if (this.#openedAt === undefined) {
      this.#openedAt = this.#options.clock.now();
      this.#planReauth();
      this.#events.open();
    }
    if (!this.#ended && frame.type !== 'pong') this.#events.frame(frame);
  }

  #expectLife(): void {
    const { clock, pingIntervalMs, pongTimeoutMs } = this.#options;
    clock.clearTimeout(this.#liveness);
    this.#liveness = clock.setTimeout(() => {
      this.#expect(pongTimeoutMs, 'no answer to a ping');
      this.send({ op: 'ping' });
    }, pingIntervalMs);
  }

  #expect(withinMs: number, otherwise: string): void {
    this.#liveness = this.#options.clock.setTimeout(() => this.#lose(ABNORMAL, otherwise), withinMs);
  }

  /** The server ends sessions with their tokens, unless it is given another one before. */
  #planReauth(): void {
    const { clock } = this.#options;
    const expiresAt = claimsOf(this.#token ?? '').expiresAt;
    if (expiresAt === undefined) return;
    const left = expiresAt - clock.now();
    this.#reauth = clock.setTimeout(() => void this.#authAgain(), left - Math.min(REAUTH_AHEAD_MS, left / 5));
  }

  async #authAgain(): Promise<void> {
    const { clock, tokens } = this.#options;
    try {
      const token = await tokens.refresh(this.#token ?? '');
      if (this.#ended) return;
      if (token === this.#token) throw new Error('the app gave the same token again');
      this.#token = token;
      this.send({ op: 'auth', token });
      this.#planReauth();
    } catch {
      // If it does not work out in time, the server ends the session, and the next one begins with a token of its own.
      if (!this.#ended) this.#reauth = clock.setTimeout(() => void this.#authAgain(), REAUTH_RETRY_MS);
    }
  }

  #lose(code: number, reason: string): void {
    if (!this.#ended) this.#events.lost(code, reason);
  }
}
