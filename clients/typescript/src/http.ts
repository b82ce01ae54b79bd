import type { paths } from './api.js';
import type { AnswerOf, CallArguments, CallOptions, ItemOf, ListPaths, Message, Method, PathsOf } from './api-types.js';
import { systemClock, type Clock } from './clock.js';
import { NovaError, errorOf } from './errors.js';
import { Tokens } from './tokens.js';

export interface HttpOptions {
  /** Where Nova is, such as `https://nova.example.org`. */
  url: string;
  tokens: Tokens;
  fetch?: typeof globalThis.fetch | undefined;
  clock?: Clock | undefined;
  /** Of calls that do not name their own. */
  timeoutMs?: number | undefined;
}

export interface Answer<T> {
  data: T;
  status: number;
  headers: Headers;
}

interface UntypedCall extends CallOptions {
  path?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
}

const TIMEOUT_MS_DEFAULT = 30_000;
/** The server refuses to be given more time than it allows itself. */
const SERVER_TIMEOUT_MS_MAX = 30_000;
const PAGE_LIMIT_MAX = 100;

/**
 * Typed requests.
 *
 * A token that is refused is replaced once and the request sent again; nothing else is repeated here. Everything that goes
 * wrong is a {@link NovaError}, but for a call that the app itself aborts: that rejects with the signal's reason.
 */
export class HttpClient {
  readonly url: string;
  readonly #tokens: Tokens;
  readonly #fetch: typeof globalThis.fetch;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(options: HttpOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#tokens = options.tokens;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
  }

  async get<P extends PathsOf<'get'>>(path: P, ...call: CallArguments<P, 'get'>): Promise<AnswerOf<P, 'get'>> {
    return (await this.request('get', path, ...call)).data;
  }

  async post<P extends PathsOf<'post'>>(path: P, ...call: CallArguments<P, 'post'>): Promise<AnswerOf<P, 'post'>> {
    return (await this.request('post', path, ...call)).data;
  }

  async put<P extends PathsOf<'put'>>(path: P, ...call: CallArguments<P, 'put'>): Promise<AnswerOf<P, 'put'>> {
    return (await this.request('put', path, ...call)).data;
  }

  async patch<P extends PathsOf<'patch'>>(path: P, ...call: CallArguments<P, 'patch'>): Promise<AnswerOf<P, 'patch'>> {
    return (await this.request('patch', path, ...call)).data;
  }

  async delete<P extends PathsOf<'delete'>>(
    path: P,
    ...call: CallArguments<P, 'delete'>
  ): Promise<AnswerOf<P, 'delete'>> {
    return (await this.request('delete', path, ...call)).data;
  }

  /** The whole answer, such as its `Nova-Degraded` header. */
  request<M extends Method, P extends keyof paths>(
    method: M,
    path: P,
    ...[call]: CallArguments<P, M>
  ): Promise<Answer<AnswerOf<P, M>>> {
    return this.#send(method, path, (call ?? {}) as UntypedCall) as Promise<Answer<AnswerOf<P, M>>>;
  }

  /** All items of a list, page by page as they are asked for. */
  async *paginate<P extends ListPaths>(path: P, ...[call]: CallArguments<P, 'get'>): AsyncGenerator<ItemOf<P>, void> {
    let given = (call ?? {}) as UntypedCall;
    for (;;) {
      const { data } = await this.#send('get', path, given);
      const page = data as { items: ItemOf<P>[]; next_cursor?: string | null };
      yield* page.items;
      if (!page.next_cursor) return;
      given = { ...given, query: { ...given.query, cursor: page.next_cursor } };
    }
  }

  /** A conversation's messages after a seq (-1: from the start) as they are now, in the order of their seqs. */
  async *messages(
    conversationId: string,
    { afterSeq = -1, ...options }: CallOptions & { afterSeq?: number } = {},
  ): AsyncGenerator<Message, void> {
    for (;;) {
      const { items } = await this.get('/api/v1/conversations/{id}/messages', {
        ...options,
        path: { id: conversationId },
        query: { after_seq: afterSeq, limit: PAGE_LIMIT_MAX },
      });
      yield* items;
      const last = items.at(-1);
      if (last === undefined || items.length < PAGE_LIMIT_MAX) return;
      afterSeq = last.seq;
    }
  }

  async #send(method: Method, path: string, call: UntypedCall): Promise<Answer<unknown>> {
    const within = this.#deadline(call);
    try {
      return await this.#authorized(method, path, call, within.signal);
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      if (within.signal.aborted) {
        const detail = 'There was no answer in time. Whether the request took effect is not known.';
        throw new NovaError({ status: 0, code: 'timeout', detail, cause: error });
      }
      throw error;
    } finally {
      within.end();
    }
  }

  async #authorized(method: Method, path: string, call: UntypedCall, signal: AbortSignal): Promise<Answer<unknown>> {
    const token = await until(signal, this.#tokens.get());
    try {
      return await this.#once(method, path, call, token, signal);
    } catch (error) {
      if (!(error instanceof NovaError) || error.status !== 401) throw error;
      const fresh = await until(signal, this.#tokens.refresh(token));
      if (fresh === token) throw error;
      return this.#once(method, path, call, fresh, signal);
    }
  }

  async #once(
    method: Method,
    path: string,
    call: UntypedCall,
    token: string,
    signal: AbortSignal,
  ): Promise<Answer<unknown>> {
    const init: RequestInit = { method: method.toUpperCase(), headers: headersOf(call, token), signal };
    if (call.body !== undefined) init.body = JSON.stringify(call.body);
    try {
      const response = await this.#fetch(this.url + filled(path, call), init);
      if (!response.ok) throw await errorOf(response);
      const text = await response.text();
      return { data: text === '' ? undefined : parsed(text, response), status: response.status, headers: response.headers };
    } catch (error) {
      if (error instanceof NovaError) throw error;
      const detail = 'The server could not be reached, or the connection broke.';
      throw new NovaError({ status: 0, code: 'network_error', detail, cause: error });
    }
  }

  #deadline(call: UntypedCall): { signal: AbortSignal; end: () => void } {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (call.signal?.aborted) abort();
    call.signal?.addEventListener('abort', abort, { once: true });
    const timer = this.#clock.setTimeout(abort, call.timeoutMs ?? this.#timeoutMs);
    const end = (): void => {
      this.#clock.clearTimeout(timer);
      call.signal?.removeEventListener('abort', abort);
    };
    return { signal: controller.signal, end };
  }
}

function headersOf(call: UntypedCall, token: string): Record<string, string> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'application/json' };
  if (call.body !== undefined) headers['content-type'] = 'application/json';
  if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
  if (call.correlationId !== undefined) headers['x-correlation-id'] = call.correlationId;
  if (call.timeoutMs !== undefined) {
    headers['nova-timeout-ms'] = String(Math.max(1, Math.min(Math.floor(call.timeoutMs), SERVER_TIMEOUT_MS_MAX)));
  }
  return headers;
}

function filled(path: string, { path: parts = {}, query = {} }: UntypedCall): string {
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (parts[name] === undefined) throw new TypeError(`${path} needs ${name}`);
    return encodeURIComponent(String(parts[name]));
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  const asked = search.toString();
  return asked === '' ? address : `${address}?${asked}`;
}

function parsed(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const detail = 'The answer is not JSON.';
    throw new NovaError({ status: 0, code: 'network_error', detail: `${detail} (${response.status})`, cause: error });
  }
}

/** What does not know of signals is at least not waited for any longer. */
function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
