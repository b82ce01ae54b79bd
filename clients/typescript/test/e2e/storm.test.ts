// Twenty people talk in four conversations, while their connections are cut at random and the server is killed twice.
// NOVA_CLIENT_SECONDS: how long (10). NOVA_CLIENT_SEED: repeats the choices, though not their timing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Nova, Outgoing } from '../../src/node.js';
import { Proxy } from '../support/proxy.js';
import { RealNova } from '../support/real-nova.js';
import { Told } from '../support/world.js';
import { until } from '../support/until.js';
import { assertDense, dice, group, registered } from './support.js';

const PEOPLE = 20;
const CONVERSATIONS = 4;
const SECONDS = Number(process.env['NOVA_CLIENT_SECONDS'] ?? 10);
const SEED = Number(process.env['NOVA_CLIENT_SEED'] ?? Date.now() % 1_000_000);
const KILLS_AT = [0.35, 0.7];
const CUT_EVERY_MS = 100;
const CUT_SHARE = 0.04;
/** Connections that end in the middle of an answer: how many, and after how many bytes at most. */
const SHORT_SHARE = 0.3;
const SHORT_BYTES_MAX = 2_000;
const SAY_EVERY_MS = 200;

interface Someone {
  handle: string;
  nova: Nova;
  told: Map<string, Told>;
  said: Outgoing[];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('nobody misses, repeats or misplaces anything while the network and the server break', async (t) => {
  console.log(`NOVA_CLIENT_SEED=${SEED} NOVA_CLIENT_SECONDS=${SECONDS}`);
  const random = dice(SEED);
  const server = await RealNova.start(t);
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.close());
  const people: Someone[] = [];
  const ids = [];
  for (let number = 0; number < PEOPLE; number += 1) {
    const { nova, who } = await registered(t, server, `person_${number}`, { url: proxy.url });
    people.push({ handle: who.handle, nova, told: new Map(), said: [] });
    ids.push(who);
  }
  const [first] = people;
  assert.ok(first);
  const conversations: string[] = [];
  for (let number = 0; number < CONVERSATIONS; number += 1) {
    conversations.push(await group(first.nova, `group ${number}`, ids.slice(1)));
  }
  for (const someone of people) {
    for (const id of conversations) someone.told.set(id, Told.of(someone.nova, id));
    someone.nova.start();
  }
  await until('all are connected', () => people.every(({ nova }) => nova.connection.state.name === 'open'));

  const end = Date.now() + SECONDS * 1000;
  const talks = people.map((someone) => talk(someone, conversations, random, end));
  await breakThings(server, proxy, random, end);
  await Promise.all(talks);

  for (const { nova } of people) await nova.outbox.drain(AbortSignal.timeout(120_000));
  const last = conversations.map((id) => first.nova.send(id, `${first.handle} says the last word`));
  first.said.push(...last);
  await first.nova.outbox.drain(AbortSignal.timeout(120_000));
  const said = people.flatMap((someone) => someone.said);
  assert.deepEqual(said.filter(({ status }) => status !== 'sent'), [], 'every message is sent');
  for (const id of conversations) {
    const head = last.find(({ conversationId }) => conversationId === id)?.seq ?? -1;
    const theirs = said.filter(({ conversationId }) => conversationId === id);
    for (const { handle, told } of people) {
      const mine = told.get(id);
      assert.ok(mine);
      const isDone = (): boolean => (mine.seqs.at(-1) ?? -1) >= head;
      await until(`${handle} has been told up to ${head}`, isDone);
      assertDense(mine.seqs.filter((seq) => seq <= head), head, `${handle} in ${id}`);
      assertSaid(mine, theirs, handle);
    }
  }
  const attempts = said.reduce((sum, message) => sum + message.attempts, 0);
  console.log(`${said.length} messages in ${attempts} attempts, ${proxy.cuts} cuts, ${KILLS_AT.length} kills`);
  assert.ok(said.length > PEOPLE && proxy.cuts > 0, 'something went on, and something broke');
});

async function talk({ handle, nova, said }: Someone, conversations: string[], random: () => number, end: number): Promise<void> {
  for (let number = 0; Date.now() < end; number += 1) {
    const id = conversations[Math.floor(random() * conversations.length)] ?? '';
    said.push(nova.send(id, `${handle} says ${number}`));
    const older = said[Math.floor(random() * said.length)];
    if (random() < 0.2 && older?.messageId !== undefined) await change(nova, older, random);
    await pause(SAY_EVERY_MS * (0.5 + random()));
  }
}

/** Edits and deletions take a seq too. Whether this one works does not matter. */
async function change(nova: Nova, { conversationId, messageId }: Outgoing, random: () => number): Promise<void> {
  const path = { id: conversationId, message: messageId ?? '' };
  const address = '/api/v1/conversations/{id}/messages/{message}';
  const changed =
    random() < 0.5
      ? nova.http.patch(address, { path, body: { text: 'edited' }, timeoutMs: 1_000 })
      : nova.http.delete(address, { path, timeoutMs: 1_000 });
  await changed.catch(() => {});
}

async function breakThings(server: RealNova, proxy: Proxy, random: () => number, end: number): Promise<void> {
  proxy.budget = () => (random() < SHORT_SHARE ? Math.floor(random() * SHORT_BYTES_MAX) : Infinity);
  const kills = KILLS_AT.map((share) => end - (1 - share) * SECONDS * 1000);
  while (Date.now() < end || kills.length > 0) {
    await pause(CUT_EVERY_MS);
    proxy.cut(() => random() < CUT_SHARE);
    const next = kills[0];
    if (next === undefined || Date.now() < next) continue;
    kills.shift();
    await server.kill();
    await server.start();
    proxy.retarget(server.port);
  }
  proxy.budget = () => Infinity;
}

/** Each message is there once, at the seq its sender was told, and each sender's in the order they were said in. */
function assertSaid(told: Told, said: Outgoing[], who: string): void {
  const heard = new Map(told.of('message').map((event) => [event.message.id, event.seq]));
  assert.equal(heard.size, told.of('message').length, `${who}: a message was told twice`);
  assert.equal(heard.size, said.length, `${who}: as many messages as were said`);
  const latest = new Map<string, number>();
  for (const { messageId, content, seq } of said) {
    assert.equal(heard.get(messageId ?? ''), seq, `${who}: ${content.text}`);
    const sender = content.text?.split(' says ')[0] ?? '';
    assert.ok((latest.get(sender) ?? -1) < (seq ?? -1), `${who}: ${content.text} is out of its sender's order`);
    latest.set(sender, seq ?? -1);
  }
}
