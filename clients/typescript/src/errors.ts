export interface FieldError {
  field: string;
  code: string;
  detail: string;
}

export interface NovaErrorParts {
  status: number;
  code: string;
  detail: string;
  correlationId?: string | undefined;
  errors?: FieldError[];
  retryAfter?: number | undefined;
  cause?: unknown;
}

/**
 * A request that was refused or failed.
 *
 * `code` is for programs and never changes its meaning. What failed without an answer has status 0 and the code
 * `network_error` or `timeout`; whether it took effect is then unknown, and to repeat it with the same idempotency key
 * is safe.
 */
export class NovaError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Finds the request in the server's records. */
  readonly correlationId: string | undefined;
  /** Which fields are wrong, when it is that. */
  readonly errors: FieldError[];
  /** Seconds after which the server would like to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(parts: NovaErrorParts) {
    super(`${parts.status} ${parts.code}: ${parts.detail}`, { cause: parts.cause });
    this.name = 'NovaError';
    this.status = parts.status;
    this.code = parts.code;
    this.detail = parts.detail;
    this.correlationId = parts.correlationId;
    this.errors = parts.errors ?? [];
    this.retryAfter = parts.retryAfter;
  }

  /**
   * Whether the same request may succeed later: nothing was answered, or the server is busy, slow, or away. Refusals
   * (400, 401, 403, 404, 409, 410, 422 and their like) stay refusals.
   */
  get isTransient(): boolean {
    return this.status === 0 || this.status >= 500 || TRANSIENT.has(this.status);
  }
}

const TRANSIENT = new Set([408, 425, 429]);

/** The queue of messages has no room: nothing was queued. */
export class QueueFullError extends Error {
  /** Which limit was met. */
  readonly limit: 'messages' | 'bytes';

  constructor(limit: 'messages' | 'bytes', max: number) {
    super(`the queue holds as many ${limit} as it may (${max})`);
    this.name = 'QueueFullError';
    this.limit = limit;
  }
}

/** The error for an answer of 400 or above. */
export async function errorOf(response: Response): Promise<NovaError> {
  const problem = await problemOf(response);
  const text = (name: string): string | undefined => {
    const value = problem[name];
    return typeof value === 'string' ? value : undefined;
  };
  return new NovaError({
    status: response.status,
    code: text('code') ?? 'unknown',
    detail: text('detail') ?? (response.statusText || 'The server answered with an error.'),
    correlationId: text('correlation_id') ?? response.headers.get('x-correlation-id') ?? undefined,
    errors: Array.isArray(problem['errors']) ? problem['errors'].filter(isFieldError) : [],
    retryAfter: retryAfterSeconds(response.headers.get('retry-after')),
  });
}

/** What stands between us and Nova may answer with something else than a problem, such as a page. */
async function problemOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(await response.text());
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isFieldError(value: unknown): value is FieldError {
  const field = value as FieldError | null;
  return typeof field?.field === 'string' && typeof field.code === 'string' && typeof field.detail === 'string';
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
export function retryAfterSeconds(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
