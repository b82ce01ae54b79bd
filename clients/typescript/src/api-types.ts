/** From the generated types to those of calls: what a path takes and answers. */
import type { components, paths } from './api.js';

export type Schemas = components['schemas'];
export type Message = Schemas['Message'];
export type Conversation = Schemas['Conversation'];
export type Accepted = Schemas['Accepted'];
export type SendBody = Schemas['SendBody'];

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;

/** The paths that have an operation for this method. */
export type PathsOf<M extends Method> = {
  [P in keyof paths]: [Operation<P, M>] extends [never] ? never : P;
}[keyof paths];

type Parameters<O> = O extends { parameters: infer P } ? P : never;
type PathOf<O> = Parameters<O> extends { path: infer P } ? { path: P } : { path?: never };
type QueryOf<O> = Parameters<O> extends { query: infer Q }
  ? { query: Q }
  : Parameters<O> extends { query?: infer Q }
    ? { query?: NonNullable<Q> }
    : { query?: never };
type Json<C> = C extends { content: { 'application/json': infer B } } ? B : never;
type BodyOf<O> = O extends { requestBody: infer B }
  ? { body: Json<B> }
  : O extends { requestBody?: infer B }
    ? { body?: Json<NonNullable<B>> }
    : { body?: never };

/** What every call may say besides. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** The server gives up after this time (`Nova-Timeout-Ms`), and so does the client. */
  timeoutMs?: number | undefined;
  /** Of a command: repeated with the same key, it does nothing more and answers the same. */
  idempotencyKey?: string | undefined;
  correlationId?: string | undefined;
}

export type Call<P extends keyof paths, M extends Method> = PathOf<Operation<P, M>> &
  QueryOf<Operation<P, M>> &
  BodyOf<Operation<P, M>> &
  CallOptions;

/** Options that may be left out altogether are optional. */
export type CallArguments<P extends keyof paths, M extends Method> =
  Record<never, never> extends Call<P, M> ? [call?: Call<P, M>] : [call: Call<P, M>];

type Success<R> = R extends Record<number, unknown> ? R[Extract<keyof R, 200 | 201 | 202>] : never;
type ResponsesOf<O> = O extends { responses: infer R } ? R : never;

/** The body of the answer, when all goes well. */
export type AnswerOf<P extends keyof paths, M extends Method> = Json<Success<ResponsesOf<Operation<P, M>>>>;

/** The paths whose answer is a list that goes on with `next_cursor`. */
export type ListPaths = {
  [P in PathsOf<'get'>]: AnswerOf<P, 'get'> extends { items: unknown[]; next_cursor?: string | null } ? P : never;
}[PathsOf<'get'>];

export type ItemOf<P extends ListPaths> = AnswerOf<P, 'get'> extends { items: (infer I)[] } ? I : never;
