import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

interface Wire {
  type: string;
  conversation_id: string | null;
  seq: number | null;
  data: unknown;
}

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown> | undefined;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Sent as it is. */
  text?: string;
  /** Nothing is answered, and the connection ends. */
  cut?: boolean;
}

/** Answers a request, or leaves it (`undefined`) to the ones after it and at last to Nova's own ways. */
export type Script = (request: Request) => Reply | undefined | Promise<Reply | undefined>;

/**
 * A server that speaks Nova's protocol over real sockets, from a log in memory, and that a test can make go wrong: `scripts` stand
 * before its HTTP answers, `mangle` between it and the sockets.
 */
export class FakeNova {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly sessions: Session[] = [];
  readonly requests: Request[] = [];
  readonly scripts: Script[] = [];
  readonly logs = new Map<string, Wire[]>();
  readonly #taken = new Map<string, { id: string; seq: number }>();
  epoch = 'epoch-1';
  replayMax = 10_000;
  /** Frames as they go out. */
  mangle: (frames: string[]) => string[] = (frames) => frames;
  tokenIsGood: (token: string) => boolean = () => true;
  acceptsSockets = true;
  /** Conversations whose subscriptions are refused, and with what code. */
  readonly refuses = new Map<string, string>();
  /** The same, as the test says each time. */
  refusal: (conversation: string) => string | undefined = (conversation) => this.refuses.get(conversation);
  answersPings = true;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      if (!this.acceptsSockets) return socket.destroy();
      return this.#sockets.handleUpgrade(request, socket, head, (ws) => this.sessions.push(new Session(this, ws)));
    });
  }

  static async start(): Promise<FakeNova> {
    const nova = new FakeNova();
    nova.#server.listen(0, '127.0.0.1');
    await once(nova.#server, 'listening');
    return nova;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The newest session. */
  get session(): Session {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error('there was no session yet');
    return session;
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.ws.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  log(conversation: string): Wire[] {
    const log = this.logs.get(conversation) ?? [];
    this.logs.set(conversation, log);
    return log;
  }

  /** Something happens in a conversation, and whoever follows it is told. */
  append(conversation: string, type: string, data: Record<string, unknown>): number {
    const log = this.log(conversation);
    const seq = log.length;
    const isMessage = type === 'message.new';
    log.push({ type, conversation_id: conversation, seq, data: isMessage ? { ...data, seq } : data });
    for (const session of this.sessions) session.pump(conversation);
    return seq;
  }

  says(conversation: string, text: string, more: Record<string, unknown> = {}): number {
    const seq = this.log(conversation).length;
    return this.append(conversation, 'message.new', message(conversation, seq, text, more));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(incoming.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const request: Request = {
      method: incoming.method ?? '',
      path: address.pathname,
      query: address.searchParams,
      headers: incoming.headers,
      body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
    };
    this.requests.push(request);
    let reply: Reply | undefined;
    for (const script of this.scripts) reply ??= await script(request);
    reply ??= this.#own(request);
    if (reply.cut === true) {
      response.socket?.destroy();
      return;
    }
    const type = reply.status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(reply.status, { 'content-type': type, ...reply.headers });
    response.end(reply.text ?? (reply.body === undefined ? '' : JSON.stringify(reply.body)));
  }

  /** What Nova would answer. */
  #own({ method, path, query, headers, body }: Request): Reply {
    const conversation = /^\/api\/v1\/conversations\/([^/]+)/.exec(path)?.[1];
    if (conversation === undefined) return problem(404, 'not_found');
    if (path.endsWith('/messages') && method === 'GET') {
      const after = Number(query.get('after_seq'));
      const items = this.history(conversation).filter((item) => item.seq > after);
      const limit = Number(query.get('limit') ?? 20);
      return { status: 200, body: { items: items.slice(0, limit), next_cursor: null, degraded: false } };
    }
    if (path.endsWith('/messages') && method === 'POST') {
      return { status: 201, body: this.take(conversation, String(headers['idempotency-key']), body ?? {}) };
    }
    if (method === 'GET') {
      return { status: 200, body: { id: conversation, last_seq: this.log(conversation).length - 1 } };
    }
    return problem(404, 'not_found');
  }

  /** Takes a message once, however often it is sent. */
  take(conversation: string, key: string, body: Record<string, unknown>): { id: string; revision: number; position: number } {
    let taken = this.#taken.get(key);
    if (taken === undefined) {
      taken = { id: `message-${key}`, seq: this.log(conversation).length };
      this.#taken.set(key, taken);
      this.says(conversation, String(body['text']), { id: taken.id, ...body });
    }
    return { id: taken.id, revision: taken.seq, position: taken.seq + 1 };
  }

  /** Messages as they are now. */
  history(conversation: string): { id: string; seq: number; text: string | null; deleted: boolean }[] {
    const items = new Map<string, { id: string; seq: number; text: string | null; deleted: boolean }>();
    for (const { type, data } of this.log(conversation)) {
      const event = data as { id: string; seq: number; text: string; client_message_id?: string };
      const { client_message_id: _, ...shown } = event;
      const held = items.get(event.id);
      if (type === 'message.new') items.set(event.id, { ...shown, deleted: false });
      else if (type === 'message.edited' && held) held.text = event.text;
      else if (type === 'message.deleted' && held) [held.text, held.deleted] = [null, true];
    }
    return [...items.values()];
  }
}

/** One WebSocket. */
export class Session {
  readonly #nova: FakeNova;
  readonly ws: WebSocket;
  readonly ops: Record<string, unknown>[] = [];
  readonly #next = new Map<string, number>();
  #isIn = false;

  constructor(nova: FakeNova, ws: WebSocket) {
    this.#nova = nova;
    this.ws = ws;
    ws.on('error', () => {});
    ws.on('message', (data: Buffer) => this.#perform(JSON.parse(data.toString()) as Record<string, unknown>));
  }

  get tokens(): unknown[] {
    return this.ops.filter((op) => op['op'] === 'auth').map((op) => op['token']);
  }

  subscribes(conversation: string): Record<string, unknown>[] {
    return this.ops.filter((op) => op['op'] === 'subscribe' && op['conversation_id'] === conversation);
  }

  /** Past all mangling. */
  tell(type: string, conversation: string | null, data: unknown, seq: number | null = null): void {
    this.raw(JSON.stringify({ type, conversation_id: conversation, seq, data }));
  }

  raw(text: string): void {
    this.ws.send(text);
  }

  /** Tells what a subscription has not been told yet. */
  pump(conversation: string): void {
    const next = this.#next.get(conversation);
    if (next === undefined) return;
    const log = this.#nova.log(conversation);
    this.#next.set(conversation, log.length);
    const frames = log.slice(next).map((frame) => JSON.stringify(frame));
    for (const frame of this.#nova.mangle(frames)) this.raw(frame);
  }

  #perform(op: Record<string, unknown>): void {
    this.ops.push(op);
    const conversation = String(op['conversation_id']);
    if (op['op'] === 'auth') {
      this.#isIn = this.#nova.tokenIsGood(String(op['token']));
      if (!this.#isIn) this.ws.close(4001, 'expired_token');
    } else if (!this.#isIn) {
      this.ws.close(4001, 'missing_token');
    } else if (op['op'] === 'ping') {
      if (this.#nova.answersPings) this.tell('pong', null, null);
    } else if (op['op'] === 'unsubscribe') {
      this.#next.delete(conversation);
    } else if (op['op'] === 'subscribe') {
      this.#subscribe(conversation, op['after_seq'] as number | undefined);
    }
  }

  #subscribe(conversation: string, after: number | undefined): void {
    const length = this.#nova.log(conversation).length;
    const head_seq = length === 0 ? null : length - 1;
    const next = after === undefined ? length : after + 1;
    this.#next.delete(conversation);
    const code = this.#nova.refusal(conversation);
    if (code !== undefined) return this.tell('error', conversation, { code, detail: code });
    if (next > length) return this.tell('resync_required', conversation, { head_seq, epoch: this.#nova.epoch, reason: 'ahead' });
    if (length - next > this.#nova.replayMax) {
      return this.tell('resync_required', conversation, { head_seq, epoch: this.#nova.epoch, reason: 'too_old' });
    }
    this.tell('subscribed', conversation, { head_seq, epoch: this.#nova.epoch });
    this.#next.set(conversation, next);
    this.pump(conversation);
  }
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  const correlation_id = '00000000-0000-7000-8000-000000000001';
  return { status, headers, body: { type: `urn:nova:problem:${code}`, title: code, status, code, detail: code, correlation_id } };
}

export function message(conversation: string, seq: number, text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: `id-${conversation}-${seq}`,
    conversation_id: conversation,
    seq,
    sender_id: 'somebody',
    message_type: 'text',
    text,
    created_at: '2026-01-01T00:00:00Z',
    deleted: false,
    client_message_id: null,
    ...more,
  };
}
