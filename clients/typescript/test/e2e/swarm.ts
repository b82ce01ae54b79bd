// People who talk by this client over servers that somebody else has started, and breaks. Started by a test of the
// profile distributed (nova/tests/distributed/kit_kill.rs), which tells it where and who on its first line:
//
//   {"queries": "http://...", "commands": "http://...", "every_ms": 100, "people": [{"handle", "token", "conversations": [...]}]}
//
// It answers `ready` when all are connected, goes on until the line `enough`, and then answers with one line of JSON, or ends
// with an error: everybody's own record must hold every event once, in order.
import { createInterface } from 'node:readline';
import { Nova } from '../../src/node.js';
import { assertAllTold, gather, someone, talk } from './crowd.js';
import { dice } from './support.js';

interface Setting {
  queries: string;
  commands: string;
  every_ms: number;
  people: { handle: string; token: string; conversations: string[] }[];
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const line = async (): Promise<string> => String((await lines.next()).value ?? '');

const { queries, commands, every_ms, people: known } = JSON.parse(await line()) as Setting;

/** Questions and commands are answered by processes of their own, as behind an ingress. */
const fetch: typeof globalThis.fetch = (input, init) => {
  const isQuestion = (init?.method ?? 'GET').toUpperCase() === 'GET';
  const url = String(input);
  return globalThis.fetch(isQuestion ? url : url.replace(queries, commands), init);
};

let connections = 0;
const people = known.map(({ handle, token, conversations }) => {
  const nova = new Nova({
    url: queries,
    token,
    fetch,
    // Retries sooner than apps do, and as often as it takes; gives up a silent connection sooner.
    connection: { baseMs: 50, maxMs: 1_000, openTimeoutMs: 3_000, pingIntervalMs: 1_000, pongTimeoutMs: 2_000 },
    outbox: { retryBaseMs: 100, retryMaxMs: 1_000, attemptsMax: 1_000 },
  });
  nova.connection.on('state', ({ name }) => (connections += name === 'open' ? 1 : 0));
  return someone(handle, nova, conversations);
});
await gather(people);
console.log('ready');

let isEnough = false;
const talks = people.map((one, index) => talk(one, every_ms, dice(index), () => isEnough));
await line();
isEnough = true;
await Promise.all(talks);
const tally = await assertAllTold(people);
console.log(JSON.stringify({ ...tally, connections }));
for (const { nova } of people) nova.close();
lines.return?.();
process.exit(0);
