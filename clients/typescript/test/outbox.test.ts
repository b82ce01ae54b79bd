import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalStorage, MemoryStorage, MessageList, Nova, QueueFullError, type Outgoing, type Storage } from '../src/node.js';
import { problem, type FakeNova, type Reply, type Request } from './support/fake-nova.js';
import { FakeClock, settle } from './support/fake-clock.js';
import { client, connected, cut, ME, Told, token, world, type World } from './support/world.js';
import { until } from './support/until.js';

const C = 'conversation-1';

function sends(server: FakeNova): Request[] {
  return server.requests.filter(({ method }) => method === 'POST');
}

function texts(server: FakeNova): unknown[] {
  return sends(server).map(({ body }) => body?.['text']);
}

/** Answers the sends with these, one after the other; then as Nova would. */
function answers(server: FakeNova, replies: (Reply | undefined)[]): void {
  server.scripts.push(({ method }) => (method === 'POST' ? replies.shift() : undefined));
}

/** Until the queue has nothing to do before time passes. */
async function idle(w: World, sent: number): Promise<void> {
  await until(`${sent} sends`, () => sends(w.server).length === sent);
  await until('the answer is in', () => w.nova.outbox.list().every(({ status }) => status !== 'sending'));
  await settle();
}

async function isSent(message: Outgoing): Promise<void> {
  await until('it is sent', () => message.status === 'sent');
}

test('a message is sent with its key and its name, and gets its seq', async (t) => {
  const w = await world(t);
  const statuses: string[] = [];
  w.nova.outbox.on('change', ({ status }) => statuses.push(status));
  const message = w.nova.send(C, 'hello');
  assert.deepEqual([message.status, message.attempts], ['queued', 0]);
  await isSent(message);
  assert.deepEqual(statuses, ['queued', 'sending', 'sent']);
  const [send] = sends(w.server);
  assert.deepEqual(send?.body, { text: 'hello', client_message_id: message.clientMessageId });
  assert.equal(send?.headers['idempotency-key'], message.idempotencyKey);
  assert.deepEqual([message.seq, message.messageId], [0, `message-${message.idempotencyKey}`]);
  assert.deepEqual(w.nova.outbox.list(), []);
});

test('attempts are made after 2, 4, 8 and 16 seconds, with one key, and no more than five', async (t) => {
  const w = await world(t);
  answers(w.server, Array(5).fill(problem(503, 'unavailable')));
  const failed: Outgoing[] = [];
  w.nova.outbox.on('failed', (message) => failed.push(message));
  const message = w.nova.send(C, 'hello');
  for (const [index, seconds] of [2, 4, 8, 16].entries()) {
    await idle(w, index + 1);
    assert.deepEqual([message.status, message.attempts, message.error?.code], ['queued', index + 1, 'unavailable']);
    assert.equal(w.clock.nextMs, seconds * 1000);
    await w.clock.advance(seconds * 1000);
  }
  await idle(w, 5);
  assert.deepEqual(failed, [message]);
  assert.deepEqual([message.status, message.attempts, message.error?.status], ['failed', 5, 503]);
  assert.equal(new Set(sends(w.server).map(({ headers }) => headers['idempotency-key'])).size, 1);
  assert.equal(w.clock.nextMs, undefined);
});

test('no wait is longer than 60 seconds, and chance moves it by a fifth', async (t) => {
  const w = await world(t, { outbox: { attemptsMax: 8 } });
  answers(w.server, Array(7).fill(problem(500, 'internal')));
  w.clock.chance = 0;
  const message = w.nova.send(C, 'hello');
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 7; attempt += 1) {
    await idle(w, attempt);
    w.clock.chance = 0.999_999;
    waits.push(Math.round((w.clock.nextMs ?? 0) / 100) / 10);
    await w.clock.advance(w.clock.nextMs ?? 0);
  }
  assert.deepEqual(waits, [1.6, 4.8, 9.6, 19.2, 38.4, 72, 72]);
  await isSent(message);
});

test('Retry-After is respected when it is longer', async (t) => {
  const w = await world(t);
  const limited = (seconds: string): Reply => problem(429, 'too_many_requests', { 'retry-after': seconds });
  answers(w.server, [limited('9'), limited('1')]);
  const message = w.nova.send(C, 'hello');
  await idle(w, 1);
  assert.equal(w.clock.nextMs, 9_000);
  await w.clock.advance(9_000);
  await idle(w, 2);
  assert.equal(w.clock.nextMs, 4_000);
  await w.clock.advance(4_000);
  await isSent(message);
});

for (const status of [400, 401, 403, 404, 409, 410, 413, 422]) {
  test(`a message that is refused with ${status} has failed for good, and those behind it go`, async (t) => {
    const w = await world(t);
    answers(w.server, [problem(status, 'refused')]);
    const [refused, next] = [w.nova.send(C, 'refused'), w.nova.send(C, 'next')];
    await isSent(next);
    assert.deepEqual([refused.status, refused.attempts, refused.error?.status], ['failed', 1, status]);
    assert.deepEqual(texts(w.server), ['refused', 'next']);
    assert.deepEqual(w.nova.outbox.list(C), [refused], 'it stays until the app decides');
  });
}

test('an attempt whose answer is lost is repeated, and the message is said once', async (t) => {
  const w = await world(t);
  let lose = true;
  w.server.scripts.push(({ method, headers, body }) => {
    if (method !== 'POST' || !lose) return undefined;
    lose = false;
    w.server.take(C, String(headers['idempotency-key']), body ?? {});
    return { status: 201, cut: true };
  });
  const message = w.nova.send(C, 'hello');
  await idle(w, 1);
  assert.equal(message.error?.code, 'network_error');
  await w.clock.advance(2_000);
  await isSent(message);
  assert.equal(message.seq, 0);
  assert.equal(w.server.log(C).length, 1);
});

test('a server that does not answer in time is tried again', async (t) => {
  const w = await world(t, { outbox: { sendTimeoutMs: 1_000 } });
  let slow = true;
  w.server.scripts.push(({ method }) => {
    if (method !== 'POST' || !slow) return undefined;
    slow = false;
    return new Promise<never>(() => {});
  });
  const message = w.nova.send(C, 'hello');
  await until('it is under way', () => sends(w.server).length === 1);
  await w.clock.advance(1_000);
  await idle(w, 1);
  assert.equal(message.error?.code, 'timeout');
  await w.clock.advance(2_000);
  await isSent(message);
});

test('messages of a conversation keep their order, whatever becomes of the first', async (t) => {
  const w = await world(t);
  answers(w.server, [problem(503, 'unavailable')]);
  const all = ['a', 'b', 'c'].map((text) => w.nova.send(C, text));
  const elsewhere = w.nova.send('conversation-2', 'elsewhere');
  await isSent(elsewhere);
  await settle();
  assert.deepEqual(all.map(({ status }) => status), ['queued', 'queued', 'queued']);
  await w.clock.advance(2_000);
  for (const message of all) await isSent(message);
  assert.deepEqual(texts(w.server), ['a', 'elsewhere', 'a', 'b', 'c']);
  assert.deepEqual(all.map(({ seq }) => seq), [0, 1, 2]);
});

test('so many conversations send at a time, and no more', async (t) => {
  const w = await world(t, { outbox: { concurrencyMax: 3 } });
  const release: (() => void)[] = [];
  w.server.scripts.push(({ method }) =>
    method === 'POST' ? new Promise((resolve) => release.push(() => resolve(undefined))) : undefined,
  );
  const all = [...Array(7).keys()].map((number) => w.nova.send(`c${number}`, 'hello'));
  await until('three are under way', () => release.length === 3);
  await settle();
  assert.equal(all.filter(({ status }) => status === 'sending').length, 3);
  for (let done = 0; done < 7; done += 1) {
    await until('the next one is under way', () => release.length > done);
    release[done]?.();
  }
  for (const message of all) await isSent(message);
});

test('the queue has room for so many messages and bytes', async (t) => {
  const w = await world(t, { outbox: { messagesMax: 3, bytesMax: 100 } });
  w.nova.outbox.setGate(false);
  w.nova.send(C, 'a');
  w.nova.send(C, 'b');
  assert.throws(() => w.nova.send(C, 'x'.repeat(90)), (error) => error instanceof QueueFullError && error.limit === 'bytes');
  w.nova.send('conversation-2', 'c');
  assert.throws(() => w.nova.send(C, 'd'), (error) => error instanceof QueueFullError && error.limit === 'messages');
  assert.equal(w.nova.outbox.list().length, 3);
  w.nova.outbox.setGate(true);
  await w.nova.outbox.drain();
  await isSent(w.nova.send(C, 'there is room again'));
});

test('failed messages take room until they are discarded, or retried with the same key', async (t) => {
  const w = await world(t, { outbox: { messagesMax: 2 } });
  answers(w.server, [problem(403, 'forbidden'), problem(403, 'forbidden')]);
  const [first, second] = [w.nova.send(C, 'first'), w.nova.send(C, 'second')];
  await until('both have failed', () => second.status === 'failed');
  assert.throws(() => w.nova.send(C, 'third'), QueueFullError);
  assert.equal(w.nova.outbox.discard(first.clientMessageId), true);
  assert.equal(w.nova.outbox.discard(first.clientMessageId), false);
  assert.equal(w.nova.outbox.retry(first.clientMessageId), false);
  assert.equal(w.nova.outbox.retry(second.clientMessageId), true);
  await isSent(second);
  assert.deepEqual([second.attempts, second.error], [1, undefined]);
  const keys = sends(w.server).map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys[1], keys[2]);
  await until('there is room', () => w.nova.outbox.list().length === 0);
});

test('an app may retry or discard a message in the moment it fails', async (t) => {
  const storage = new MemoryStorage();
  const w = await world(t, { storage });
  answers(w.server, [problem(403, 'forbidden'), undefined, problem(403, 'forbidden')]);
  const stop = w.nova.outbox.on('failed', ({ clientMessageId }) => {
    stop();
    w.nova.outbox.retry(clientMessageId);
    w.nova.outbox.on('failed', (again) => w.nova.outbox.discard(again.clientMessageId));
  });
  const message = w.nova.send(C, 'hello');
  const behind = w.nova.send(C, 'behind');
  await isSent(behind);
  await w.nova.outbox.drain();
  await until('nothing is stored', () => storage.keys('').length === 0);
  assert.deepEqual(texts(w.server), ['hello', 'behind', 'hello'], 'a retry goes behind');
  assert.equal(message.status, 'failed');
  assert.deepEqual(w.nova.outbox.list(), []);
});

test('without a connection nothing is tried, and no attempt is counted', async (t) => {
  const w = await world(t);
  w.nova.start();
  await connected(w);
  await isSent(w.nova.send(C, 'online'));
  w.server.acceptsSockets = false;
  await cut(w);
  const message = w.nova.send(C, 'offline');
  for (let time = 0; time < 20; time += 1) {
    await w.clock.advance(30_000);
    await until('the attempt is over', () => w.nova.connection.state.name === 'waiting');
  }
  assert.deepEqual([message.status, message.attempts, sends(w.server).length], ['queued', 0, 1]);
  w.server.acceptsSockets = true;
  await connected(w);
  await isSent(message);
  assert.equal(message.attempts, 1);
});

test('a network without WebSockets delays messages, and does not hold them', async (t) => {
  const w = await world(t);
  w.server.acceptsSockets = false;
  w.nova.start();
  const message = w.nova.send(C, 'hello');
  await w.clock.advance(59_000);
  await settle();
  assert.equal(message.status, 'queued');
  await w.clock.advance(1_000);
  await isSent(message);
});

test('who has to sign in again loses no message', async (t) => {
  const w = await world(t);
  w.nova.start();
  await connected(w);
  w.server.tokenIsGood = () => false;
  w.server.session.ws.close(4001, 'expired_token');
  await until('it waits', () => w.nova.connection.state.name === 'waiting');
  await w.clock.advance(0);
  await until('it is over', () => w.nova.connection.state.name === 'closed');
  const message = w.nova.send(C, 'hello');
  await w.clock.advance(10 * 60_000);
  assert.deepEqual([message.status, sends(w.server).length], ['queued', 0]);
});

test('an echo becomes the message when it arrives, before the answer or after it', async (t) => {
  const w = await world(t);
  const list = new MessageList(C);
  w.nova.outbox.on('change', (message) => list.track(message));
  w.nova.on('event', ({ event }) => list.apply(event));
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  const shown = (): unknown[] =>
    list.entries.map((entry) => (entry.kind === 'echo' ? [entry.outgoing.content.text] : [entry.message.text, entry.seq]));
  w.server.scripts.push(({ method, headers, body }) => {
    if (method !== 'POST') return undefined;
    // It takes effect, and everybody is told; the sender's own answer never comes.
    w.server.take(C, String(headers['idempotency-key']), { ...body, sender_id: ME });
    return new Promise<never>(() => {});
  });
  w.server.says(C, 'theirs');
  await until('it is told', () => told.seqs.length === 1);
  const mine = w.nova.send(C, 'mine');
  assert.deepEqual(shown(), [['theirs', 0], ['mine']]);
  await isSent(mine);
  assert.equal(mine.seq, 1);
  assert.deepEqual(shown(), [['theirs', 0], ['mine', 1]]);
  await w.nova.outbox.drain();
  assert.equal(sends(w.server).length, 1, 'it is not sent again');
});

test('a message that was thought to have failed may arrive all the same', async (t) => {
  const w = await world(t, { outbox: { attemptsMax: 1 } });
  answers(w.server, [{ status: 201, cut: true }]);
  Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  const message = w.nova.send(C, 'hello');
  await until('it has failed', () => message.status === 'failed');
  w.server.says(C, 'hello', { sender_id: 'somebody', client_message_id: message.clientMessageId });
  await settle();
  assert.equal(message.status, 'failed', 'somebody else cannot send it');
  w.server.says(C, 'hello', { sender_id: ME, client_message_id: message.clientMessageId });
  await isSent(message);
  assert.equal(message.seq, 1);
  await until('it is forgotten', () => w.nova.outbox.list().length === 0);
});

/** As a page that is reloaded: another client on the same storage. */
async function reloaded(w: World, storage: Storage): Promise<Nova> {
  await w.nova.close();
  return client(w.server.url, w.clock, w.errors, { storage });
}

test('what was not sent survives a reload, in its order, and is sent once', async (t) => {
  const storage = new MemoryStorage();
  const w = await world(t, { storage });
  // The first attempt takes effect, and the page is gone before the answer comes.
  w.server.scripts.push(({ method, headers, body }) => {
    if (method !== 'POST' || body?.['text'] !== 'first' || w.server.log(C).length > 0) return undefined;
    w.server.take(C, String(headers['idempotency-key']), body);
    return new Promise<never>(() => {});
  });
  const before = ['first', 'second', 'third'].map((text) => w.nova.send(C, text));
  await until('the first is under way', () => w.server.log(C).length === 1);
  await settle();
  const nova = await reloaded(w, storage);
  t.after(() => nova.close());
  const young = nova.send(C, 'fourth');
  await nova.outbox.load();
  assert.deepEqual(nova.outbox.list(C).map(({ content }) => content.text), ['first', 'second', 'third', 'fourth']);
  await isSent(young);
  assert.deepEqual(w.server.log(C).map(({ data }) => (data as { text: string }).text), ['first', 'second', 'third', 'fourth']);
  const [first] = before;
  const keys = sends(w.server).filter(({ body }) => body?.['text'] === 'first').map(({ headers }) => headers['idempotency-key']);
  assert.deepEqual(keys, [first?.idempotencyKey, first?.idempotencyKey]);
  await until('nothing is stored', () => storage.keys('').length === 0);
});

test('what was queued and never had its turn survives too', async (t) => {
  const storage = new MemoryStorage();
  const w = await world(t, { storage });
  w.nova.outbox.setGate(false);
  w.nova.send(C, 'first');
  w.nova.send(C, 'second');
  await until('both are stored', () => storage.keys('').length === 2);
  const nova = await reloaded(w, storage);
  t.after(() => nova.close());
  await nova.outbox.load();
  await nova.outbox.drain();
  assert.deepEqual(texts(w.server), ['first', 'second']);
});

test('attempts are counted over a reload, and what has failed is not tried by itself', async (t) => {
  const storage = new MemoryStorage();
  const w = await world(t, { storage });
  answers(w.server, [problem(403, 'forbidden'), problem(503, 'unavailable')]);
  const refused = w.nova.send(C, 'refused');
  w.nova.send(C, 'unlucky');
  await idle(w, 2);
  const nova = await reloaded(w, storage);
  t.after(() => nova.close());
  answers(w.server, Array(4).fill(problem(503, 'unavailable')));
  await nova.outbox.load();
  for (let sent = 3; sent <= 6; sent += 1) {
    await until(`${sent} sends`, () => sends(w.server).length === sent);
    await until('the answer is in', () => nova.outbox.list().every(({ status }) => status !== 'sending'));
    await settle();
    await w.clock.advance(w.clock.nextMs ?? 0);
  }
  const held = nova.outbox.list(C);
  assert.deepEqual(held.map(({ status, attempts }) => [status, attempts]), [['failed', 1], ['failed', 5]]);
  assert.equal(held[0]?.clientMessageId, refused.clientMessageId);
  assert.equal(nova.outbox.retry(refused.clientMessageId), true);
  await nova.outbox.drain();
  assert.equal(texts(w.server).at(-1), 'refused');
});

test('what somebody else has put into the storage is cleared away, other accounts are left alone', async (t) => {
  const storage = new MemoryStorage();
  storage.set('nova.outbox.ada.1', '{');
  storage.set('nova.outbox.ada.2', '{"v":2}');
  storage.set('nova.outbox.ada.3', 'null');
  storage.set('nova.outbox.bob.1', 'his');
  const w = await world(t, { storage, account: 'ada' });
  await w.nova.outbox.load();
  assert.deepEqual(w.nova.outbox.list(), []);
  assert.deepEqual(storage.keys(''), ['nova.outbox.bob.1']);
});

test('a storage that does not work is told of, and messages go all the same', async (t) => {
  const full = (): never => {
    throw new Error('quota exceeded');
  };
  const storage = { keys: full, get: full, set: full, delete: full };
  const w = await world(t, { storage });
  const errors: unknown[] = [];
  w.nova.outbox.on('storageError', (error) => errors.push(error));
  await isSent(w.nova.send(C, 'hello'));
  await until('all is told', () => errors.length === 3);
});

test('the localStorage of a browser holds the queue', async (t) => {
  const values = new Map<string, string>([['of somebody else', 'x']]);
  const storage = new LocalStorage({
    get length() {
      return values.size;
    },
    key: (index) => [...values.keys()][index] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  });
  const w = await world(t, { storage });
  w.nova.outbox.setGate(false);
  w.nova.send(C, 'hello');
  await until('it is stored', () => values.size === 2);
  const nova = await reloaded(w, storage);
  t.after(() => nova.close());
  await nova.outbox.load();
  await nova.outbox.drain();
  assert.deepEqual(texts(w.server), ['hello']);
  await until('it is removed', () => values.size === 1);
});

test('closing waits for what is to be sent, but no longer than it may', async (t) => {
  const w = await world(t);
  const clock = new FakeClock();
  const nova = client(w.server.url, clock, w.errors, { token: token() });
  const message = nova.send(C, 'hello');
  await nova.close({ drainMs: 1_000 });
  assert.equal(message.status, 'sent');
  w.server.scripts.push(({ method }) => (method === 'POST' ? new Promise<never>(() => {}) : undefined));
  const stuck = w.nova.send(C, 'stuck');
  await until('it is under way', () => sends(w.server).length === 2);
  const closing = w.nova.close({ drainMs: 1_000 });
  await w.clock.advance(1_000);
  await closing;
  await settle();
  assert.deepEqual([stuck.status, stuck.attempts], ['queued', 0]);
  assert.equal(w.clock.nextMs, undefined, 'no timer is left');
});
