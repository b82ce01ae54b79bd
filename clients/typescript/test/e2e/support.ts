import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Nova, type NovaOptions } from '../../src/node.js';
import { person, type Person, type RealNova } from '../support/real-nova.js';

/** Retries sooner than apps do, so that the tests are done sooner. Attempts enough for what the tests do to it. */
const IMPATIENT: Partial<NovaOptions> = {
  connection: { baseMs: 50, maxMs: 1_000 },
  outbox: { retryBaseMs: 100, retryMaxMs: 1_000, attemptsMax: 100 },
};

/** A client of somebody who is registered. Closed with the test. */
export async function registered(
  t: TestContext,
  server: RealNova,
  handle: string,
  options: Partial<NovaOptions> = {},
): Promise<{ nova: Nova; who: Person }> {
  const who = person(server, handle);
  const nova = clientOf(t, who.token, { url: server.url, ...options });
  await new Nova({ url: server.url, token: who.token }).http.post('/api/v1/users', {
    body: { handle, display_name: handle.toUpperCase() },
  });
  return { nova, who };
}

export function clientOf(t: TestContext, token: string, options: Partial<NovaOptions> & { url: string }): Nova {
  const nova = new Nova({ ...IMPATIENT, token, ...options });
  t.after(() => nova.close());
  return nova;
}

export async function group(nova: Nova, title: string, members: Person[]): Promise<string> {
  const body = { kind: 'group', title, members: members.map(({ id }) => id) };
  return (await nova.http.post('/api/v1/conversations', { body })).id;
}

/** Random numbers that a seed repeats (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0, 1, 2 ... without an exception; the message names the first one. */
export function assertDense(seqs: number[], head: number, who: string): void {
  const wrong = seqs.findIndex((seq, index) => seq !== index);
  const around = seqs.slice(Math.max(0, wrong - 3), wrong + 4).join(' ');
  assert.equal(wrong, -1, `${who}: at ${wrong}: ... ${around} ...`);
  assert.equal(seqs.length, head + 1, `${who}: not all was told`);
}
