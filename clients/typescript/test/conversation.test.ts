import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problem } from './support/fake-nova.js';
import { settle } from './support/fake-clock.js';
import { Proxy } from './support/proxy.js';
import { client, connected, cut, eventually, ME, Told, waited, world } from './support/world.js';
import { until } from './support/until.js';

const C = 'conversation-1';

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, index) => from + index);
}

test('a conversation is told from its start, and then as it goes on', async (t) => {
  const w = await world(t);
  for (const text of ['a', 'b']) w.server.says(C, text);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('the past is told', () => told.seqs.length === 2);
  w.server.says(C, 'c');
  w.server.append(C, 'message.edited', { id: `id-${C}-0`, sender_id: 'somebody', text: 'A', edited_at: '' });
  w.server.append(C, 'message.deleted', { id: `id-${C}-1`, sender_id: 'somebody', deleted_by: 'somebody' });
  await until('all is told', () => told.seqs.length === 5);
  assert.deepEqual(told.kinds, ['message', 'message', 'caught-up', 'message', 'edited', 'deleted']);
  assert.deepEqual(told.seqs, range(0, 5));
});

test('"now" begins behind what there is, and resumes there', async (t) => {
  const w = await world(t);
  w.server.says(C, 'before');
  const told = Told.of(w.nova, C, { from: 'now' });
  w.nova.start();
  await connected(w);
  await until('it is there', () => told.of('caught-up').length === 1);
  assert.deepEqual(w.server.session.subscribes(C), [{ op: 'subscribe', conversation_id: C }]);
  await cut(w);
  w.server.says(C, 'meanwhile');
  await connected(w);
  await until('it is told', () => told.seqs.length === 1);
  assert.deepEqual(told.texts, ['meanwhile']);
  assert.deepEqual(w.server.session.subscribes(C), [{ op: 'subscribe', conversation_id: C, after_seq: 0 }]);
});

test('a position that the app has kept is gone on with', async (t) => {
  const w = await world(t);
  for (const text of ['a', 'b', 'c']) w.server.says(C, text);
  const told = new Told();
  const follow = w.nova.follow(C, { from: { epoch: 'epoch-1', seq: 1 } }, (event) => told.events.push(event));
  w.nova.start();
  await connected(w);
  await until('the rest is told', () => told.seqs.length === 1);
  assert.deepEqual(told.texts, ['c']);
  assert.deepEqual(follow.position, { epoch: 'epoch-1', seq: 2 });
});

test('repeated events are told once', async (t) => {
  const w = await world(t);
  w.server.mangle = (frames) => frames.flatMap((frame) => [frame, frame]);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  for (const number of range(0, 20)) w.server.says(C, `${number}`);
  await until('all is told', () => told.seqs.length === 20);
  await settle();
  assert.deepEqual(told.seqs, range(0, 20));
});

test('what is lost on the way is asked for again, and nothing behind it is told before', async (t) => {
  const w = await world(t);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('it is live', () => told.of('caught-up').length === 1);
  w.server.mangle = () => [];
  for (const number of range(0, 3)) w.server.says(C, `lost ${number}`);
  w.server.mangle = (frames) => frames;
  w.server.says(C, 'arrives');
  await until('all is told', () => told.seqs.length === 4);
  assert.deepEqual(told.seqs, range(0, 4));
  assert.equal(w.server.sessions.length, 1, 'over the same connection');
});

test('what comes in the wrong order is told in the right one', async (t) => {
  const w = await world(t);
  for (const number of range(0, 30)) w.server.says(C, `${number}`);
  let turns = 0;
  w.server.mangle = (frames) => ((turns += 1) <= 2 ? [...frames].reverse() : frames);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('all is told', () => told.seqs.length === 30);
  assert.deepEqual(told.seqs, range(0, 30));
});

test('a connection that keeps losing events is given up for another', async (t) => {
  const w = await world(t);
  for (const number of range(0, 10)) w.server.says(C, `${number}`);
  w.server.mangle = (frames) => frames.filter((frame) => !frame.includes('"seq":3,"data"'));
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('it is given up', () => w.nova.connection.state.name === 'waiting');
  assert.deepEqual(told.seqs, range(0, 3), 'nothing behind the gap');
  w.server.mangle = (frames) => frames;
  await connected(w);
  await until('all is told', () => told.seqs.length === 10);
  assert.deepEqual(told.seqs, range(0, 10));
});

test('what is no JSON ends the connection, and nothing is lost', async (t) => {
  const w = await world(t);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  w.server.says(C, 'first');
  await until('the first is told', () => told.seqs.length === 1);
  let broken = false;
  w.server.mangle = (frames) => {
    if (broken) return frames;
    broken = true;
    return frames.map((frame) => frame.slice(0, frame.length / 2));
  };
  w.server.says(C, 'second');
  await until('it is noticed', () => w.nova.connection.state.name === 'waiting');
  await connected(w);
  await until('the second is told', () => told.seqs.length === 2);
  assert.deepEqual(told.texts, ['first', 'second']);
});

test('a connection that is cut in the middle of anything loses and repeats nothing', async (t) => {
  const w = await world(t);
  const proxy = await Proxy.start(w.server.port);
  t.after(() => proxy.close());
  const nova = client(proxy.url, w.clock, w.errors);
  t.after(() => nova.close());
  // More than all connections together get through before they are cut.
  for (const number of range(0, 400)) w.server.says(C, `${number}`);
  const told = Told.of(nova, C);
  // Each connection gets a little further than the one before, and ends within a frame, a head, or an answer.
  for (let bytes = 0; bytes < 4_000; bytes += 137) {
    proxy.budget = () => bytes;
    if (bytes === 0) nova.start();
    await waited({ ...w, nova });
  }
  proxy.budget = () => Infinity;
  await eventually({ ...w, nova }, 'all is told', () => told.seqs.length === 400);
  assert.deepEqual(told.seqs, range(0, 400));
  assert.ok(proxy.cuts >= 20, `${proxy.cuts} cuts`);
});

test('who is too far behind reads the history, then goes on live', async (t) => {
  const w = await world(t);
  w.server.replayMax = 50;
  for (const number of range(0, 10)) w.server.says(C, `${number}`);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('it is live', () => told.of('caught-up').length === 1);
  await cut(w);
  for (const number of range(10, 260)) w.server.says(C, `${number}`);
  w.server.append(C, 'message.edited', { id: `id-${C}-100`, sender_id: 'somebody', text: 'edited', edited_at: '' });
  await connected(w);
  await until('all is told', () => told.of('caught-up').length === 2);
  assert.deepEqual(told.seqs, range(0, 261));
  assert.equal(told.texts[100], 'edited', 'the history shows messages as they are now');
  const middle = told.of('message').slice(10).map((event) => event.source);
  assert.deepEqual(new Set(middle), new Set(['history']));
  assert.deepEqual(told.of('resync'), [{ kind: 'resync', afterSeq: 9 }]);
  assert.deepEqual(told.of('resynced'), [{ kind: 'resynced', seq: 259 }]);
  assert.equal(told.kinds.at(-2), 'edited', 'behind the last message, events are live again');
  w.server.says(C, 'live');
  await until('it is live', () => told.seqs.length === 262);
  assert.equal(told.of('message').at(-1)?.source, 'live');
});

test('a history that cannot be read now is read later, without repeating what was told', async (t) => {
  const w = await world(t);
  w.server.replayMax = 5;
  for (const number of range(0, 250)) w.server.says(C, `${number}`);
  let reads = 0;
  w.server.scripts.push(({ path, method }) => {
    if (method !== 'GET' || !path.endsWith('/messages')) return undefined;
    reads += 1;
    if (reads === 2) return problem(503, 'unavailable', { 'retry-after': '3' });
    if (reads === 3) return { status: 200, cut: true };
    if (reads === 4) return { status: 200, text: '{"items": [' };
    return undefined;
  });
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  for (const read of [2, 3, 4]) {
    // Nothing is under way any more when the next thing to happen is an attempt, and no limit of time.
    await until(`read ${read} has failed`, () => reads === read && (w.clock.nextMs ?? Infinity) <= 5_000);
    await w.clock.advance(w.clock.nextMs ?? 0);
  }
  await until('all is told', () => told.of('caught-up').length === 1);
  assert.deepEqual(told.seqs, range(0, 250));
  assert.equal(w.server.requests.length, 6);
});

test('edits alone, however many, are caught up with', async (t) => {
  const w = await world(t);
  w.server.replayMax = 5;
  w.server.says(C, 'only');
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('it is live', () => told.of('caught-up').length === 1);
  await cut(w);
  for (const number of range(0, 20)) {
    w.server.append(C, 'message.edited', { id: `id-${C}-0`, sender_id: 'somebody', text: `${number}`, edited_at: '' });
  }
  await connected(w);
  await until('it is caught up', () => told.of('caught-up').length === 2);
  assert.equal(told.of('resynced').at(-1)?.seq, 20);
  w.server.says(C, 'next');
  await until('it is live', () => told.texts.length === 2);
  assert.equal(told.seqs.at(-1), 21);
});

test('another log voids what was told, and is told from its start', async (t) => {
  const w = await world(t);
  for (const text of ['old 0', 'old 1', 'old 2']) w.server.says(C, text);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('the old one is told', () => told.seqs.length === 3);
  await cut(w);
  w.server.logs.clear();
  w.server.epoch = 'epoch-2';
  for (const number of range(0, 5)) w.server.says(C, `new ${number}`);
  await connected(w);
  await until('the new one is told', () => told.seqs.length === 8);
  assert.deepEqual(told.of('reset'), [{ kind: 'reset', reason: 'epoch' }]);
  const after = told.kinds.indexOf('reset');
  assert.deepEqual(told.events.slice(after + 1).map((event) => event.kind), [...Array(5).fill('message'), 'caught-up']);
  assert.deepEqual(told.texts.slice(3), range(0, 5).map((number) => `new ${number}`));
  assert.equal(w.server.session.subscribes(C).length, 2, 'what still came of the first is no reason for another');
});

test('an older copy of the log does the same', async (t) => {
  const w = await world(t);
  for (const text of ['0', '1', '2']) w.server.says(C, text);
  const told = Told.of(w.nova, C, { from: 'start', onReset: 'now' });
  w.nova.start();
  await connected(w);
  await until('it is told', () => told.seqs.length === 3);
  await cut(w);
  w.server.log(C).length = 1;
  await connected(w);
  await until('it is live again', () => told.of('caught-up').length === 2);
  assert.deepEqual(told.of('reset'), [{ kind: 'reset', reason: 'ahead' }]);
  w.server.says(C, 'another 1');
  await until('it goes on', () => told.seqs.length === 4);
  assert.deepEqual(told.texts.slice(3), ['another 1'], 'from where the app wanted it');
});

test('what the server cannot read, or we do not know, keeps its place', async (t) => {
  const w = await world(t);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  w.server.append(C, 'error', { code: 'unreadable_event', detail: '' });
  w.server.append(C, 'message.painted', { colour: 'red' });
  w.server.session.tell('weather', C, { rain: true });
  w.server.says(C, 'hello');
  await until('all is told', () => told.seqs.length === 3);
  const placed = told.events.filter((event) => event.kind !== 'caught-up');
  assert.deepEqual(placed.map((event) => event.kind), ['unreadable', 'other', 'message']);
  assert.deepEqual(told.of('other')[0]?.data, { colour: 'red' });
});

test('who is removed is told so, and may follow again later', async (t) => {
  const w = await world(t);
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  w.server.says(C, 'hello');
  w.server.session.tell('member.removed', C, { user_id: 'somebody', removed_by: 'admin' });
  w.server.session.tell('member.removed', C, { user_id: ME, removed_by: 'admin' });
  await until('the end is told', () => told.of('ended').length === 1);
  assert.deepEqual(told.kinds.slice(-3), ['member-removed', 'member-removed', 'ended']);
  assert.equal(told.of('ended')[0]?.reason, 'removed');
  const again = Told.of(w.nova, C);
  await until('it is told again', () => again.seqs.length === 1);
});

test('a conversation that is none of ours ends at once', async (t) => {
  const w = await world(t);
  w.server.refuses.set(C, 'not_found');
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  await until('the end is told', () => told.of('ended').length === 1);
  const [end] = told.of('ended');
  assert.deepEqual([end?.reason, end?.error?.status, end?.error?.code], ['not_found', 404, 'not_found']);
  await cut(w);
  await connected(w);
  await settle();
  assert.deepEqual(w.server.session.subscribes(C), [], 'it is not asked for again');
});

test('a log that cannot be read right now is asked again', async (t) => {
  const w = await world(t);
  w.server.says(C, 'hello');
  w.server.refuses.set(C, 'unavailable');
  const told = Told.of(w.nova, C);
  w.nova.start();
  await connected(w);
  for (const times of [1, 2, 3]) {
    await until('it is refused', () => w.server.session.subscribes(C).length === times);
    await until('it waits', () => (w.clock.nextMs ?? Infinity) <= 5_000);
    if (times === 3) w.server.refuses.delete(C);
    await w.clock.advance(w.clock.nextMs ?? 0);
  }
  await until('it is told', () => told.seqs.length === 1);
  assert.deepEqual(told.texts, ['hello']);
});

test('a listener that throws is reported, and does not stop what comes', async (t) => {
  const w = await world(t);
  const seen: number[] = [];
  w.nova.follow(C, { from: 'start' }, (event) => {
    if (event.kind !== 'message') return;
    seen.push(event.seq);
    if (event.seq === 0) throw new Error('of the app');
  });
  w.nova.start();
  await connected(w);
  for (const text of ['a', 'b']) w.server.says(C, text);
  await until('both are seen', () => seen.length === 2);
  assert.deepEqual(seen, [0, 1]);
  assert.deepEqual(w.errors.map(String), ['Error: of the app']);
});

test('a conversation that is stopped is told no more of', async (t) => {
  const w = await world(t);
  const told = new Told();
  const follow = w.nova.follow(C, { from: 'start' }, (event) => {
    told.events.push(event);
    if (event.kind === 'message') follow.stop();
  });
  assert.throws(() => w.nova.follow(C, {}, () => {}), /followed already/);
  for (const text of ['a', 'b']) w.server.says(C, text);
  w.nova.start();
  await connected(w);
  await until('it is unsubscribed', () => w.server.session.ops.some((op) => op['op'] === 'unsubscribe'));
  w.server.says(C, 'c');
  await settle();
  assert.deepEqual(told.texts, ['a']);
});

test('the answer to one who has stopped is not taken for that to one who begins', async (t) => {
  const w = await world(t);
  for (const number of range(0, 5)) w.server.says(C, `${number}`);
  w.nova.start();
  await connected(w);
  const refusals = ['not_found'];
  w.server.refusal = () => refusals.shift();
  w.nova.follow(C, { from: 'now' }, () => {}).stop();
  const told = Told.of(w.nova, C);
  await until('all is told', () => told.of('caught-up').length === 1);
  assert.equal(w.server.session.subscribes(C).length, 2);
  assert.deepEqual(told.kinds, [...Array(5).fill('message'), 'caught-up']);
});
