import assert from 'node:assert/strict';
import type { Nova, Outgoing } from '../../src/node.js';
import { Told } from '../support/world.js';
import { until } from '../support/until.js';
import { assertDense } from './support.js';

const DRAIN_MS = 120_000;

/** Somebody who talks, and writes down everything that they are told. */
export interface Someone {
  handle: string;
  nova: Nova;
  conversations: string[];
  told: Map<string, Told>;
  said: Outgoing[];
}

export function someone(handle: string, nova: Nova, conversations: string[]): Someone {
  return { handle, nova, conversations, told: new Map(), said: [] };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns when all are connected. */
export async function gather(people: Someone[]): Promise<void> {
  for (const { nova, conversations, told } of people) {
    for (const id of conversations) told.set(id, Told.of(nova, id));
    nova.start();
  }
  await until('all are connected', () => people.every(({ nova }) => nova.connection.state.name === 'open'));
}

/** Says something about every so often, and now and then edits or deletes what was said, until it is enough. */
export async function talk(
  { handle, nova, conversations, said }: Someone,
  everyMs: number,
  random: () => number,
  isEnough: () => boolean,
): Promise<void> {
  await pause(everyMs * random());
  for (let number = 0; !isEnough(); number += 1) {
    const id = conversations[Math.floor(random() * conversations.length)] ?? '';
    said.push(nova.send(id, `${handle} says ${number}`));
    const older = said[Math.floor(random() * said.length)];
    if (random() < 0.2 && older?.messageId !== undefined) await change(nova, older, random);
    await pause(everyMs * (0.5 + random()));
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

export interface Tally {
  messages: number;
  attempts: number;
  /** Events, over everybody's record. */
  told: number;
}

/** When nothing breaks any more: all that was said is sent, and told to every member once and in order. */
export async function assertAllTold(people: Someone[]): Promise<Tally> {
  const drained = people.map(({ nova }) => nova.outbox.drain(AbortSignal.timeout(DRAIN_MS)));
  await Promise.all(drained);
  const conversations = [...new Set(people.flatMap((one) => one.conversations))];
  const heads = new Map<string, Outgoing>();
  for (const id of conversations) {
    const speaker = people.find((one) => one.conversations.includes(id));
    assert.ok(speaker);
    const last = speaker.nova.send(id, `${speaker.handle} says the last word`);
    speaker.said.push(last);
    heads.set(id, last);
    await speaker.nova.outbox.drain(AbortSignal.timeout(DRAIN_MS));
  }
  const said = people.flatMap((one) => one.said);
  assert.deepEqual(said.filter(({ status }) => status !== 'sent'), [], 'every message is sent');
  let events = 0;
  for (const { handle, told } of people) {
    for (const [id, mine] of told) {
      const head = heads.get(id)?.seq ?? -1;
      await until(`${handle} has been told up to ${head}`, () => (mine.seqs.at(-1) ?? -1) >= head);
      const seqs = mine.seqs.filter((seq) => seq <= head);
      assertDense(seqs, head, `${handle} in ${id}`);
      assertSaid(mine, said.filter(({ conversationId }) => conversationId === id), handle);
      events += seqs.length;
    }
  }
  return { messages: said.length, attempts: said.reduce((sum, { attempts }) => sum + attempts, 0), told: events };
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
