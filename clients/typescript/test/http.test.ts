import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NovaError } from '../src/node.js';
import { retryAfterSeconds } from '../src/errors.js';
import { uuid } from '../src/platform.js';
import { claimsOf, Tokens } from '../src/tokens.js';
import { problem, type Reply } from './support/fake-nova.js';
import { token, world, type World } from './support/world.js';
import { until } from './support/until.js';

const POST = '/api/v1/posts/{id}';

async function failure(w: World, reply: Reply): Promise<NovaError> {
  w.server.scripts.unshift(() => reply);
  const error = await w.nova.http.get(POST, { path: { id: 'x' } }).catch((caught: unknown) => caught);
  w.server.scripts.shift();
  assert.ok(error instanceof NovaError, String(error));
  return error;
}

test('a request says all that it has to', async (t) => {
  const w = await world(t);
  w.server.scripts.push(() => ({ status: 200, body: { id: 'a b' }, headers: { 'nova-degraded': 'true' } }));
  const call = { path: { id: 'a b/c' }, query: { after: 7 }, timeoutMs: 1_500.9, correlationId: 'c' };
  const answer = await w.nova.http.request('get', POST, call);
  assert.equal(answer.headers.get('nova-degraded'), 'true');
  assert.equal(answer.data.id, 'a b');
  const request = w.server.requests[0];
  assert.equal(request?.path, '/api/v1/posts/a%20b%2Fc');
  assert.equal(request?.query.get('after'), '7');
  assert.equal(request?.headers['authorization'], `Bearer ${token()}`);
  assert.equal(request?.headers['nova-timeout-ms'], '1500');
  assert.equal(request?.headers['x-correlation-id'], 'c');
  await w.nova.http.post('/api/v1/posts', { body: { text: 'hi' }, idempotencyKey: 'k', timeoutMs: 120_000 });
  const command = w.server.requests[1];
  assert.deepEqual(command?.body, { text: 'hi' });
  assert.equal(command?.headers['idempotency-key'], 'k');
  assert.equal(command?.headers['nova-timeout-ms'], '30000', 'the server refuses to be given more');
});

test('a problem is an error with all that it says', async (t) => {
  const w = await world(t);
  const errors = [{ field: 'text', code: 'too_long', detail: 'at most 10 bytes' }];
  const body = { code: 'validation_failed', detail: 'Some fields are not valid.', correlation_id: 'c', errors };
  const error = await failure(w, { status: 422, body, headers: { 'retry-after': '7' } });
  assert.deepEqual([error.status, error.code, error.detail], [422, body.code, body.detail]);
  assert.deepEqual([error.correlationId, error.errors, error.retryAfter], ['c', errors, 7]);
  assert.equal(error.isTransient, false);
});

test('what is no problem is an error all the same', async (t) => {
  const w = await world(t);
  const page = await failure(w, { status: 502, text: '<html>Bad gateway</html>', headers: { 'x-correlation-id': 'h' } });
  assert.deepEqual([page.status, page.code, page.correlationId, page.isTransient], [502, 'unknown', 'h', true]);
  for (const text of ['null', '[]', '"x"', '{"code": 7}', '']) {
    assert.equal((await failure(w, { status: 404, text })).code, 'unknown', text);
  }
  const nonsense = await failure(w, { status: 200, text: '{"id": ' });
  assert.deepEqual([nonsense.status, nonsense.code, nonsense.isTransient], [0, 'network_error', true]);
  const cut = await failure(w, { status: 200, cut: true });
  assert.deepEqual([cut.status, cut.code, cut.isTransient], [0, 'network_error', true]);
});

test('which errors may pass by themselves', () => {
  const transient = (status: number): boolean => new NovaError({ status, code: '', detail: '' }).isTransient;
  assert.deepEqual([0, 408, 425, 429, 500, 502, 503, 504].map(transient), Array(8).fill(true));
  assert.deepEqual([400, 401, 403, 404, 409, 410, 413, 415, 422].map(transient), Array(9).fill(false));
});

test('Retry-After is seconds or a date', () => {
  assert.equal(retryAfterSeconds('12'), 12);
  assert.equal(retryAfterSeconds('Thu, 01 Jan 1970 00:00:10 GMT', 4_500), 6);
  assert.equal(retryAfterSeconds('Thu, 01 Jan 1970 00:00:10 GMT', 20_000), 0);
  assert.equal(retryAfterSeconds('soon'), undefined);
  assert.equal(retryAfterSeconds(null), undefined);
});

test('a token that is refused is replaced once, for all who need it', async (t) => {
  const asked: boolean[] = [];
  const w = await world(t, {
    token: ({ refresh }) => {
      asked.push(refresh);
      return token({ n: asked.length });
    },
  });
  const stale = `Bearer ${token({ n: 1 })}`;
  w.server.scripts.push(({ headers }) =>
    headers['authorization'] === stale ? problem(401, 'expired_token') : { status: 200, body: {} },
  );
  await Promise.all([1, 2, 3].map(() => w.nova.http.get(POST, { path: { id: 'x' } })));
  assert.deepEqual(asked, [false, true]);
  assert.equal(w.server.requests.length, 6);
});

test('a fresh token that is refused too is an error, not a loop', async (t) => {
  let n = 0;
  const w = await world(t, { token: () => token({ n: (n += 1) }) });
  const error = await failure(w, problem(401, 'invalid_token'));
  assert.deepEqual([error.status, error.code, w.server.requests.length, n], [401, 'invalid_token', 2, 2]);
  const fixed = await world(t);
  await failure(fixed, problem(401, 'invalid_token'));
  assert.equal(fixed.server.requests.length, 1, 'the same token would be refused again');
});

test('an app that fails to give a token is asked again by the next one', async () => {
  let asked = 0;
  const tokens = new Tokens(() => {
    asked += 1;
    if (asked === 1) throw new Error('offline');
    return 'good';
  });
  await assert.rejects(tokens.get(), /offline/);
  assert.equal(await tokens.get(), 'good');
  assert.equal(await tokens.refresh('older'), 'good', 'somebody has replaced it already');
  assert.equal(asked, 2);
});

test('a slow answer ends with the time the caller gave, and is told from what the caller aborts', async (t) => {
  const w = await world(t);
  let release = (): void => {};
  w.server.scripts.push(
    () => new Promise((resolve) => (release = () => resolve({ status: 200, body: {} }))),
  );
  const slow = w.nova.http.get(POST, { path: { id: 'x' }, timeoutMs: 5_000 }).catch((error: unknown) => error);
  await until('it has been sent', () => w.server.requests.length === 1);
  await w.clock.advance(5_000);
  const error = await slow;
  assert.ok(error instanceof NovaError);
  assert.deepEqual([error.status, error.code, error.isTransient], [0, 'timeout', true]);
  release();
  const controller = new AbortController();
  const aborted = w.nova.http.get(POST, { path: { id: 'x' }, signal: controller.signal });
  await until('it has been sent', () => w.server.requests.length === 2);
  controller.abort(new Error('changed my mind'));
  await assert.rejects(aborted, /changed my mind/);
  release();
  await assert.rejects(w.nova.http.get(POST, { path: { id: 'x' }, signal: controller.signal }), /changed my mind/);
  assert.equal(w.clock.nextMs, undefined, 'no timer is left');
});

test('a list is read page by page, and no further than it is asked for', async (t) => {
  const w = await world(t);
  w.server.scripts.push(({ query }) => {
    const from = Number(query.get('cursor') ?? 0);
    const items = [from, from + 1].map((n) => ({ id: `${n}` }));
    return { status: 200, body: { items, next_cursor: from < 6 ? String(from + 2) : null } };
  });
  const ids: string[] = [];
  for await (const post of w.nova.http.paginate('/api/v1/timeline', { query: { limit: 2 } })) ids.push(post.id);
  assert.deepEqual(ids, ['0', '1', '2', '3', '4', '5', '6', '7']);
  assert.deepEqual(w.server.requests.map(({ query }) => [query.get('cursor'), query.get('limit')]), [
    [null, '2'],
    ['2', '2'],
    ['4', '2'],
    ['6', '2'],
  ]);
  for await (const post of w.nova.http.paginate('/api/v1/timeline')) if (post.id === '1') break;
  assert.equal(w.server.requests.length, 5);
});

test('messages are read by their seqs, over the holes that edits leave', async (t) => {
  const w = await world(t);
  for (let number = 0; number < 230; number += 1) {
    w.server.says('c', `${number}`);
    w.server.append('c', 'message.edited', { id: `id-c-${2 * number}`, sender_id: 's', text: 'edited', edited_at: '' });
  }
  const seqs: number[] = [];
  for await (const { seq } of w.nova.http.messages('c', { afterSeq: 9 })) seqs.push(seq);
  assert.deepEqual(seqs, Array.from({ length: 225 }, (_, index) => 10 + 2 * index));
  assert.equal(w.server.requests.length, 3);
});

test('what a token says of itself', () => {
  assert.deepEqual(claimsOf(token({ sub: 'bøb', exp: 5 })), { userId: 'bøb', expiresAt: 5_000 });
  for (const bad of ['', 'a.b.c', 'x', 'a.e30.c']) {
    assert.deepEqual(claimsOf(bad), { userId: undefined, expiresAt: undefined }, bad);
  }
});

test('UUIDs are random ones of version 4', () => {
  const made = new Set(Array.from({ length: 100 }, uuid));
  assert.equal(made.size, 100);
  for (const id of made) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
