// Whole stories against the real program.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { MemoryStorage, MessageList, Nova, NovaError, type Outgoing } from '../../src/node.js';
import { Proxy } from '../support/proxy.js';
import { RealNova } from '../support/real-nova.js';
import { Told } from '../support/world.js';
import { until } from '../support/until.js';
import { assertDense, clientOf, group, registered } from './support.js';

async function refusal(call: Promise<unknown>): Promise<NovaError> {
  const error = await call.catch((caught: unknown) => caught);
  assert.ok(error instanceof NovaError, `not refused: ${String(error)}`);
  return error;
}

/** What waits for the views may have to wait for longer than one request may. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 60_000; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NovaError) || !error.isTransient || Date.now() > end) throw error;
    }
  }
}

async function isSent(nova: Nova): Promise<void> {
  await nova.outbox.drain(AbortSignal.timeout(60_000));
  assert.deepEqual(nova.outbox.list(), [], 'nothing has failed');
}

test('requests are typed, pages are turned, and refusals say why', async (t) => {
  const server = await RealNova.start(t);
  const { nova: ada } = await registered(t, server, 'ada');
  const { nova: bob, who: bobs } = await registered(t, server, 'bob');
  const key = randomUUID();
  const post = (text: string, idempotencyKey?: string) => ada.http.post('/api/v1/posts', { body: { text }, idempotencyKey });
  const first = await post('post 0', key);
  assert.deepEqual(await post('post 0', key), first, 'the same command, the same answer');
  let { position } = first;
  for (let number = 1; number < 25; number += 1) ({ position } = await post(`post ${number}`));
  const who = { path: { id: '@ada' }, query: { after: position } };
  const profile = await patiently(() => bob.http.get('/api/v1/users/{id}', who));
  assert.equal(profile.post_count, 25);
  const texts: string[] = [];
  const posts = bob.http.paginate('/api/v1/users/{id}/posts', { path: { id: profile.id }, query: { limit: 10 } });
  for await (const { text } of posts) texts.push(text);
  assert.deepEqual(texts, Array.from({ length: 25 }, (_, index) => `post ${24 - index}`));
  const answer = await bob.http.request('get', '/api/v1/posts/{id}', { path: { id: first.id }, timeoutMs: 5_000 });
  assert.equal(answer.data.author.handle, 'ada');
  assert.match(answer.headers.get('x-correlation-id') ?? '', /^[0-9a-f-]{36}$/);

  const invalid = await refusal(post(''));
  assert.deepEqual([invalid.status, invalid.code, invalid.errors[0]?.field], [422, 'validation_failed', 'text']);
  assert.match(invalid.correlationId ?? '', /^[0-9a-f-]{36}$/);
  const unknown = await refusal(bob.http.get('/api/v1/posts/{id}', { path: { id: randomUUID() } }));
  assert.deepEqual([unknown.status, unknown.code], [404, 'not_found']);
  const theirs = await refusal(bob.http.delete('/api/v1/posts/{id}', { path: { id: first.id } }));
  assert.equal(theirs.status, 403);
  const role = await refusal(bob.http.get('/api/v1/audit/deletions'));
  assert.deepEqual([role.status, role.code], [403, 'role_required']);
  const stranger = new Nova({ url: server.url, token: 'none' });
  const unauthorized = await refusal(stranger.http.get('/api/v1/users/{id}', { path: { id: bobs.id } }));
  assert.equal(unauthorized.status, 401);
});

test('two people talk, and see each other type, read, edit and take back', async (t) => {
  const server = await RealNova.start(t);
  const { nova: ada, who: adas } = await registered(t, server, 'ada');
  const { nova: bob, who: bobs } = await registered(t, server, 'bob');
  const id = await group(ada, 'tea', [bobs]);
  const [hers, his] = [Told.of(ada, id), Told.of(bob, id)];
  const list = new MessageList(id);
  bob.on('event', ({ event }) => list.apply(event));
  ada.start();
  bob.start();
  await until('both are there', () => hers.of('caught-up').length + his.of('caught-up').length === 2);
  const hello = ada.send(id, 'hello');
  await until('he hears it', () => his.texts.length === 1);
  await isSent(ada);
  assert.deepEqual([his.of('message')[0]?.clientMessageId, hello.seq], [hello.clientMessageId, 0]);
  bob.typing(id);
  await until('she sees him type', () => hers.of('typing').some(({ userId }) => userId === bobs.id));
  await bob.markRead(id, 0);
  await until('she sees that he has read it', () => hers.of('read').some((event) => event.userId === bobs.id && event.readSeq === 0));
  const path = { id, message: hello.messageId ?? '' };
  await ada.http.patch('/api/v1/conversations/{id}/messages/{message}', { path, body: { text: 'hello, Bob' } });
  await until('he sees the edit', () => his.of('edited').length === 1);
  assert.deepEqual(list.entries.map((entry) => entry.kind === 'message' && entry.message.text), ['hello, Bob']);
  bob.send(id, { encrypted_content: 'c2VjcmV0', nonce: 'bm9uY2U=', device_id: 'telephone' });
  await until('she hears something', () => hers.texts.length === 2);
  assert.deepEqual(hers.of('message')[1]?.message.encrypted_content, 'c2VjcmV0');
  await ada.http.delete('/api/v1/conversations/{id}/messages/{message}', { path });
  await until('he sees that it is gone', () => his.of('deleted').length === 1);
  assert.equal(his.of('deleted')[0]?.deletion.deleted_by, adas.id);
  assertDense(his.seqs, 3, 'bob');
  const [shown] = list.entries;
  assert.ok(shown?.kind === 'message' && shown.message.deleted && shown.message.text === null);
  // Who comes later is not told what was taken back.
  const late = clientOf(t, bobs.token, { url: server.url });
  const told = Told.of(late, id);
  late.start();
  await until('all is told', () => told.of('caught-up').length === 1);
  assertDense(told.seqs, 3, 'bob, later');
  assert.deepEqual(told.texts.map((text) => text ?? null), [null, null]);
});

test('who was away for too long gets the history, and then what comes', async (t) => {
  const server = await RealNova.start(t, { NOVA__LIVE__REPLAY_MESSAGES_MAX: '20' });
  const { nova: ada } = await registered(t, server, 'ada');
  const { nova: bob, who: bobs } = await registered(t, server, 'bob');
  const id = await group(ada, 'long', [bobs]);
  const told = Told.of(bob, id);
  bob.start();
  await until('he is there', () => told.of('caught-up').length === 1);
  const said: Outgoing[] = [];
  for (let number = 0; number < 10; number += 1) said.push(ada.send(id, `${number}`));
  await until('he hears the first', () => told.seqs.length === 10);
  bob.connection.stop();
  for (let number = 10; number < 250; number += 1) said.push(ada.send(id, `${number}`));
  await isSent(ada);
  let after = 0;
  for (const message of [3, 150, 249].map((number) => said[number])) {
    const path = { id, message: message?.messageId ?? '' };
    const body = { text: 'edited' };
    after = (await ada.http.patch('/api/v1/conversations/{id}/messages/{message}', { path, body })).position;
  }
  await patiently(() => ada.http.get('/api/v1/conversations/{id}', { path: { id }, query: { after } }));
  bob.connection.start();
  await until('he has it all', () => told.of('caught-up').length === 2);
  assertDense(told.of('message').map(({ seq }) => seq), 249, 'bob');
  assert.deepEqual(told.of('resync').map(({ afterSeq }) => afterSeq), [9]);
  assert.equal(told.texts[150], 'edited', 'as it is now');
  assert.equal(told.texts[3], '3', 'what was told before has changed without a word: resync says so');
  assert.deepEqual(told.of('edited').map(({ seq }) => seq), [250, 251, 252]);
  assert.equal(told.of('message').filter(({ source }) => source === 'history').length, 240);
  ada.send(id, 'and on');
  await until('he hears it live', () => told.seqs.at(-1) === 253);
});

test('many edits and nothing else are caught up with', async (t) => {
  const server = await RealNova.start(t, { NOVA__LIVE__REPLAY_MESSAGES_MAX: '5' });
  const { nova: ada } = await registered(t, server, 'ada');
  const { nova: bob, who: bobs } = await registered(t, server, 'bob');
  const id = await group(ada, 'changes', [bobs]);
  const told = Told.of(bob, id);
  bob.start();
  const only = ada.send(id, 'only');
  await until('he hears it', () => told.seqs.length === 1);
  await isSent(ada);
  bob.connection.stop();
  const path = { id, message: only.messageId ?? '' };
  for (let number = 0; number < 12; number += 1) {
    await ada.http.patch('/api/v1/conversations/{id}/messages/{message}', { path, body: { text: `${number}` } });
  }
  bob.connection.start();
  await until('he has caught up', () => told.of('resynced').some(({ seq }) => seq === 12));
  ada.send(id, 'next');
  await until('he hears it', () => told.texts.at(-1) === 'next');
  assert.deepEqual(told.of('message').map(({ seq }) => seq), [0, 13]);
});

test('a deployment sends everybody away, and nobody misses a word', async (t) => {
  const server = await RealNova.start(t, { NOVA__LIVE__DRAIN_MS: '500' });
  const { nova: ada } = await registered(t, server, 'ada');
  const { who: bobs } = await registered(t, server, 'bob');
  const id = await group(ada, 'moving', [bobs]);
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.close());
  const behind = clientOf(t, bobs.token, { url: proxy.url });
  const told = Told.of(behind, id);
  const codes: number[] = [];
  behind.on('connection', (state) => state.name === 'waiting' && codes.push(state.code));
  behind.start();
  await until('he is there', () => told.of('caught-up').length === 1);
  ada.send(id, 'before');
  await until('he hears it', () => told.texts.length === 1);
  await server.terminate();
  await server.start();
  proxy.retarget(server.port);
  const again = clientOf(t, server.token(bobs.id), { url: server.url });
  again.send(id, 'after');
  await until('he hears that too', () => told.texts.length === 2);
  assert.deepEqual(told.texts, ['before', 'after']);
  assert.equal(codes[0], 1012, 'the server said that it goes');
});

test('a bad token is replaced, over HTTP and over the WebSocket', async (t) => {
  const server = await RealNova.start(t);
  const { who } = await registered(t, server, 'ada');
  const elsewhere = await RealNova.start(t);
  const bad = elsewhere.token(who.id);
  for (const way of ['http', 'socket'] as const) {
    const asked: boolean[] = [];
    const token = ({ refresh }: { refresh: boolean }): string => {
      asked.push(refresh);
      return refresh ? server.token(who.id) : bad;
    };
    const nova = new Nova({ url: server.url, token });
    t.after(() => nova.close());
    if (way === 'http') {
      assert.equal((await nova.http.get('/api/v1/users/{id}', { path: { id: '@ada' } })).id, who.id);
    } else {
      nova.start();
      await until('it is connected', () => nova.connection.state.name === 'open');
    }
    assert.deepEqual(asked, [false, true], way);
  }
  const signedOut = new Nova({ url: server.url, token: bad });
  t.after(() => signedOut.close());
  signedOut.start();
  await until('it gives up', () => signedOut.connection.state.name === 'closed');
});

test('a session outlives its tokens', async (t) => {
  const server = await RealNova.start(t);
  const { nova: ada, who: adas } = await registered(t, server, 'ada');
  const id = await group(ada, 'long', []);
  let tokens = 0;
  const nova = clientOf(t, '', {
    url: server.url,
    token: () => {
      tokens += 1;
      return server.token(adas.id, 4);
    },
  });
  // A machine that needs longer than that to make a token has to try again.
  nova.on('connection', ({ name }) => name === 'closed' && nova.connection.start());
  const told = Told.of(nova, id);
  nova.start();
  for (let number = 0; tokens < 3 || number < 20; number += 1) {
    ada.send(id, `${number}`);
    await until('it is heard', () => told.texts.length === number + 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assertDense(told.seqs, told.seqs.length - 1, 'ada');
});

test('a page that is reloaded while it sends says everything once', async (t) => {
  const server = await RealNova.start(t);
  const { who } = await registered(t, server, 'ada');
  const { nova: bob } = await registered(t, server, 'bob');
  const id = await group(bob, 'reloads', [who]);
  const storage = new MemoryStorage();
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.close());
  const all: string[] = [];
  for (let life = 0; life < 6; life += 1) {
    // Answers break off at another byte in each life.
    proxy.budget = () => 40 * life + 1;
    const page = clientOf(t, who.token, { url: proxy.url, storage });
    const cuts = proxy.cuts;
    for (let number = 0; number < 3; number += 1) {
      const text = `life ${life}, ${number}`;
      page.send(id, text);
      all.push(text);
    }
    await until('an answer has been lost', () => proxy.cuts > cuts);
    await page.close();
  }
  proxy.budget = () => Infinity;
  const page = clientOf(t, who.token, { url: proxy.url, storage });
  await page.outbox.load();
  await isSent(page);
  const told = Told.of(bob, id);
  bob.start();
  await until('he has it all', () => told.of('caught-up').length === 1);
  assert.deepEqual(told.texts, all);
  await until('nothing is stored', () => storage.keys('').length === 0);
});

test('who is removed hears no more, and who comes back hears what they missed', async (t) => {
  const server = await RealNova.start(t);
  const { nova: ada } = await registered(t, server, 'ada');
  const { nova: bob, who: bobs } = await registered(t, server, 'bob');
  const id = await group(ada, 'doors', [bobs]);
  const told = Told.of(bob, id);
  bob.start();
  await until('he is there', () => told.of('caught-up').length === 1);
  ada.send(id, 'with him');
  await until('he hears it', () => told.texts.length === 1);
  const path = { id, user: bobs.id };
  await ada.http.delete('/api/v1/conversations/{id}/members/{user}', { path });
  await until('he is told', () => told.of('ended').length === 1);
  assert.equal(told.of('ended')[0]?.reason, 'removed');
  const refused = Told.of(bob, id);
  await until('he is not let in', () => refused.of('ended').length === 1);
  assert.equal(refused.of('ended')[0]?.reason, 'not_found');
  ada.send(id, 'without him');
  await isSent(ada);
  const failed = bob.send(id, 'let me in');
  await until('he may not speak', () => failed.status === 'failed');
  assert.ok(failed.error && !failed.error.isTransient);
  const back: boolean[] = [];
  bob.on('membership', ({ isMember }) => back.push(isMember));
  await ada.http.put('/api/v1/conversations/{id}/members/{user}', { path, body: {} });
  await until('he is told that he may', () => back.at(-1) === true);
  const again = Told.of(bob, id);
  await until('he has it all', () => again.of('caught-up').length === 1);
  assert.deepEqual(again.texts, ['with him', 'without him']);
});
