import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NovaError, type ConnectionState } from '../src/node.js';
import { settle } from './support/fake-clock.js';
import { client, connected, cut, ME, Told, token, waited, world, type World } from './support/world.js';
import { until } from './support/until.js';

const C = 'conversation-1';

function statesOf({ nova }: World): ConnectionState[] {
  const states: ConnectionState[] = [];
  nova.connection.on('state', (state) => states.push(state));
  return states;
}

/** Closes from the server's side, and answers what the client does then. */
async function closed(w: World, code: number, reason: string): Promise<ConnectionState> {
  w.server.session.ws.close(code, reason);
  await until('the close is noticed', () => w.nova.connection.state.name !== 'open');
  return w.nova.connection.state;
}

test('it is open once the server has taken the token', async (t) => {
  const w = await world(t);
  const states = statesOf(w);
  w.nova.start();
  await connected(w);
  assert.deepEqual(states.map((state) => state.name), ['connecting', 'open']);
  assert.deepEqual(w.server.session.ops.map((op) => op['op']), ['auth', 'ping']);
  assert.equal(w.nova.userId, ME);
});

test('waits grow twofold with every failure, by chance up to that, and stay below their limit', async (t) => {
  const w = await world(t, { connection: { baseMs: 100, maxMs: 1_000 } });
  w.server.acceptsSockets = false;
  w.clock.chance = 0.999;
  const waits: number[] = [];
  w.nova.start();
  for (let attempt = 0; attempt < 7; attempt += 1) {
    waits.push(Math.round((await waited(w)).waitMs));
  }
  assert.deepEqual(waits, [100, 200, 400, 799, 999, 999, 999]);
  w.clock.chance = 0;
  await until('it waits', () => w.nova.connection.state.name === 'waiting');
  w.nova.connection.retryNow();
  await until('it waits', () => w.nova.connection.state.name === 'waiting');
  const { state } = w.nova.connection;
  assert.equal(state.name === 'waiting' && state.waitMs, 0, 'full jitter reaches down to nothing');
});

test('a connection that got somewhere begins counting anew', async (t) => {
  const w = await world(t, { connection: { baseMs: 100, maxMs: 10_000 } });
  const told = Told.of(w.nova, C);
  w.server.acceptsSockets = false;
  w.nova.start();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    assert.equal((await waited(w)).failures, attempt + 1);
  }
  w.server.acceptsSockets = true;
  await connected(w);
  w.server.says(C, 'hello');
  await until('it is told', () => told.seqs.length === 1);
  const state = await closed(w, 1011, 'try again');
  assert.equal(state.name === 'waiting' && state.failures, 1);
});

test('a server that goes away says when to come back', async (t) => {
  const w = await world(t);
  w.nova.start();
  await connected(w);
  const state = await closed(w, 1012, '{"retry_after_ms":4321}');
  assert.equal(state.name === 'waiting' && state.waitMs, 4321 + 0.5 * 500, 'with a little of chance on top');
  const before = w.server.sessions.length;
  await w.clock.advance(4321);
  assert.equal(w.server.sessions.length, before, 'not sooner');
  await connected(w);
});

test('a hint that is none is no reason to wait for long', async (t) => {
  const w = await world(t);
  w.nova.start();
  for (const reason of ['soon', '{"retry_after_ms":-1}', '{"retry_after_ms":"5"}', '{}', 'null']) {
    await connected(w);
    const state = await closed(w, 1012, reason);
    assert.ok(state.name === 'waiting' && state.waitMs <= 30_000, reason);
  }
});

test('too many connections are no reason for more of them', async (t) => {
  const w = await world(t);
  w.nova.start();
  await connected(w);
  const state = await closed(w, 4030, 'too many connections');
  assert.ok(state.name === 'waiting' && state.waitMs >= 5_000);
});

for (const [code, reason] of [[1006, ''], [1000, ''], [1001, ''], [4000, 'silent'], [4008, 'too slow'], [1011, ''], [4999, '?']] as const) {
  test(`code ${code} is come back from`, async (t) => {
    const w = await world(t);
    w.nova.start();
    await connected(w);
    if (code === 1006) await cut(w);
    else await closed(w, code, reason);
    await connected(w);
    assert.equal(w.server.sessions.length, 2);
  });
}

for (const [code, reason] of [[1003, ''], [1008, 'policy'], [1009, 'the frame is too large'], [4001, 'another_user']] as const) {
  test(`code ${code} ${reason} is for good`, async (t) => {
    const w = await world(t);
    w.nova.start();
    await connected(w);
    const state = await closed(w, code, reason);
    assert.equal(state.name, 'closed');
    await w.clock.advance(10 * 60_000);
    assert.equal(w.server.sessions.length, 1);
    w.nova.connection.start();
    await connected(w);
  });
}

test('a token that has expired is replaced at once', async (t) => {
  const asked: boolean[] = [];
  const w = await world(t, {
    token: ({ refresh }) => {
      asked.push(refresh);
      return token({ n: asked.length });
    },
  });
  w.nova.start();
  await connected(w);
  const state = await closed(w, 4001, 'expired_token');
  assert.equal(state.name === 'waiting' && state.waitMs, 0);
  await connected(w);
  assert.deepEqual(asked, [false, true]);
  assert.deepEqual(w.server.sessions.map((session) => session.tokens), [[token({ n: 1 })], [token({ n: 2 })]]);
});

test('a fresh token that is refused too is the end', async (t) => {
  let n = 0;
  const w = await world(t, { token: () => token({ n: (n += 1) }) });
  w.server.tokenIsGood = () => false;
  w.nova.start();
  await until('it waits', () => w.nova.connection.state.name === 'waiting');
  await w.clock.advance(0);
  await until('it is over', () => w.nova.connection.state.name === 'closed');
  const { state } = w.nova.connection;
  assert.ok(state.name === 'closed' && state.error instanceof NovaError);
  assert.deepEqual([state.error.status, state.error.code, n], [401, 'expired_token', 2]);
});

test('a token that never changes is not sent twice in vain', async (t) => {
  const w = await world(t);
  w.server.tokenIsGood = () => false;
  w.nova.start();
  await until('it waits', () => w.nova.connection.state.name === 'waiting');
  await w.clock.advance(0);
  await until('it is over', () => w.nova.connection.state.name === 'closed');
  assert.equal(w.server.sessions.length, 1);
});

test('an app that has no token for the moment is asked again; one that refuses is not', async (t) => {
  let asked = 0;
  const w = await world(t, {
    token: () => {
      asked += 1;
      if (asked < 3) throw new Error('offline');
      throw new NovaError({ status: 403, code: 'signed_out', detail: 'Sign in again.' });
    },
  });
  w.nova.start();
  for (let time = 0; time < 2; time += 1) await waited(w);
  await until('it is over', () => w.nova.connection.state.name === 'closed');
  const { state } = w.nova.connection;
  assert.deepEqual([state.name === 'closed' && state.error.code, asked], ['signed_out', 3]);
});

test('before a token expires, the session is given another', async (t) => {
  const times: number[] = [];
  const w: World = await world(t, {
    // Time goes faster here than answers to pings.
    connection: { pingIntervalMs: 10_000_000 },
    token: () => {
      times.push(w.clock.now());
      return token({ exp: w.clock.now() / 1000 + 600 });
    },
  });
  w.nova.start();
  await connected(w);
  await w.clock.advance(539_000);
  assert.equal(w.server.session.tokens.length, 1);
  await w.clock.advance(2_000);
  await until('it has come', () => w.server.session.tokens.length === 2);
  assert.equal(w.server.sessions.length, 1, 'over the same connection');
  assert.notEqual(w.server.session.tokens[0], w.server.session.tokens[1]);
  assert.equal(times.length, 2);
});

test('a server that has fallen silent is left', async (t) => {
  const w = await world(t, { connection: { pingIntervalMs: 1_000, pongTimeoutMs: 200 } });
  w.nova.start();
  await connected(w);
  const pings = (): number => w.server.session.ops.filter((op) => op['op'] === 'ping').length;
  for (const times of [2, 3, 4]) {
    await w.clock.advance(1_000);
    await until('it is asked', () => pings() === times);
    await until('it has answered', () => w.clock.nextMs === 1_000);
  }
  w.server.answersPings = false;
  await w.clock.advance(1_000);
  await until('it is asked', () => pings() === 5);
  await w.clock.advance(200);
  assert.equal(w.nova.connection.state.name, 'waiting');
  w.server.answersPings = true;
  await connected(w);
});

test('an opening that takes too long is given up', async (t) => {
  const w = await world(t, { connection: { openTimeoutMs: 3_000 } });
  w.server.answersPings = false;
  w.nova.start();
  await until('it is asked', () => w.server.sessions[0]?.ops.length === 2);
  await w.clock.advance(2_999);
  assert.equal(w.nova.connection.state.name, 'connecting');
  await w.clock.advance(1);
  assert.equal(w.nova.connection.state.name, 'waiting');
});

test('many conversations are subscribed to no faster than the server allows', async (t) => {
  const w = await world(t);
  for (let number = 0; number < 260; number += 1) Told.of(w.nova, `c${number}`);
  w.nova.start();
  await connected(w);
  const subscribed = (): number => w.server.session.ops.filter((op) => op['op'] === 'subscribe').length;
  await until('the first have come', () => subscribed() === 198);
  await settle();
  assert.equal(subscribed(), 198, 'with auth and ping, 200 at once');
  await w.clock.advance(1_000);
  await until('some more have come', () => subscribed() >= 210);
  assert.ok(subscribed() <= 215, '15 a second');
  await w.clock.advance(4_000);
  await until('all have come', () => subscribed() === 260);
});

test('typing is told of every few seconds, however often it is said', async (t) => {
  const w = await world(t);
  const told = Told.of(w.nova, C);
  w.nova.typing(C);
  w.nova.start();
  await connected(w);
  await until('it is live', () => told.of('caught-up').length === 1);
  for (let time = 0; time < 31; time += 1) {
    w.nova.typing(C);
    await w.clock.advance(100);
  }
  const typed = (): number => w.server.session.ops.filter((op) => op['op'] === 'typing').length;
  await until('it is told', () => typed() === 2);
  w.server.session.tell('typing', C, { user_id: 'bob' });
  w.server.session.tell('presence', C, { online: ['bob'], offline: [] });
  w.server.session.tell('message.read', C, { user_id: 'bob', seq: 7 });
  await until('all is told', () => told.kinds.includes('read'));
  assert.deepEqual(told.events.slice(1), [
    { kind: 'typing', userId: 'bob' },
    { kind: 'presence', online: ['bob'], offline: [] },
    { kind: 'read', userId: 'bob', readSeq: 7 },
  ]);
});

test('what belongs to no conversation that is followed is told by the client', async (t) => {
  const w = await world(t);
  const told: unknown[] = [];
  w.nova.on('timeline', (event) => told.push(event));
  w.nova.on('membership', (event) => told.push(event));
  w.nova.start();
  await connected(w);
  const post = { post_id: 'p', author_id: 'a', created_at: 'then', position: 7 };
  w.server.session.tell('timeline.new', null, post);
  w.server.session.tell('member.added', C, { user_id: 'somebody', role: 'member', added_by: 'a' });
  w.server.session.tell('member.added', C, { user_id: ME, role: 'member', added_by: 'a' });
  await until('both are told', () => told.length === 2);
  assert.deepEqual(told, [
    { postId: 'p', authorId: 'a', createdAt: 'then', position: 7 },
    { conversationId: C, isMember: true },
  ]);
});

test('a client that was stopped stays so', async (t) => {
  const w = await world(t);
  w.nova.start();
  await connected(w);
  await w.nova.close();
  await until('the server sees it', () => w.server.session.ws.readyState === 3);
  await w.clock.advance(10 * 60_000);
  assert.deepEqual([w.nova.connection.state.name, w.server.sessions.length], ['idle', 1]);
  assert.equal(w.clock.nextMs, undefined, 'no timer is left');
});

test('where nobody listens, it goes on trying', async (t) => {
  const w = await world(t);
  const other = client('http://127.0.0.1:1', w.clock, w.errors);
  t.after(() => other.close());
  other.start();
  for (const failures of [1, 2, 3]) assert.equal((await waited({ ...w, nova: other })).failures, failures);
});
