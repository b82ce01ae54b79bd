// Twenty people talk in four conversations, while their connections are cut at random and the server is killed twice.
// NOVA_CLIENT_SECONDS: how long (10). NOVA_CLIENT_SEED: repeats the choices, though not their timing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Proxy } from '../support/proxy.js';
import { RealNova } from '../support/real-nova.js';
import { assertAllTold, gather, pause, someone, talk, type Someone } from './crowd.js';
import { dice, group, registered } from './support.js';

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

test('nobody misses, repeats or misplaces anything while the network and the server break', async (t) => {
  console.log(`NOVA_CLIENT_SEED=${SEED} NOVA_CLIENT_SECONDS=${SECONDS}`);
  const random = dice(SEED);
  const server = await RealNova.start(t);
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.close());
  const people: Someone[] = [];
  const ids = [];
  const conversations: string[] = [];
  for (let number = 0; number < PEOPLE; number += 1) {
    const { nova, who } = await registered(t, server, `person_${number}`, { url: proxy.url });
    people.push(someone(who.handle, nova, conversations));
    ids.push(who);
  }
  const [first] = people;
  assert.ok(first);
  for (let number = 0; number < CONVERSATIONS; number += 1) {
    conversations.push(await group(first.nova, `group ${number}`, ids.slice(1)));
  }
  await gather(people);

  const end = Date.now() + SECONDS * 1000;
  const talks = people.map((one) => talk(one, SAY_EVERY_MS, random, () => Date.now() >= end));
  await breakThings(server, proxy, random, end);
  await Promise.all(talks);

  const { messages, attempts } = await assertAllTold(people);
  console.log(`${messages} messages in ${attempts} attempts, ${proxy.cuts} cuts, ${KILLS_AT.length} kills`);
  assert.ok(messages > PEOPLE && proxy.cuts > 0, 'something went on, and something broke');
});

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
