import type { TestContext } from 'node:test';
import { Nova, type ConnectionState, type ConversationEvent, type FollowOptions, type NovaOptions } from '../../src/node.js';
import { FakeClock } from './fake-clock.js';
import { FakeNova } from './fake-nova.js';
import { until } from './until.js';

/** A client on a server of its own, with a clock that the test moves. Both end with the test. */
export interface World {
  server: FakeNova;
  clock: FakeClock;
  nova: Nova;
  errors: unknown[];
}

export const ME = 'me';

/** A token as far as clients look into it. */
export function token(claims: Record<string, unknown> = {}): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: ME, ...claims })}.signature`;
}

export async function world(t: TestContext, options: Partial<NovaOptions> = {}): Promise<World> {
  const server = await FakeNova.start();
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const nova = client(server.url, clock, errors, options);
  t.after(async () => {
    await nova.close();
    await server.close();
  });
  return { server, clock, nova, errors };
}

export function client(url: string, clock: FakeClock, errors: unknown[], options: Partial<NovaOptions> = {}): Nova {
  const onListenerError = (error: unknown): void => void errors.push(error);
  return new Nova({ url, token: token(), clock, onListenerError, ...options });
}

/** Lets as much time pass as it takes until the client is connected. */
export async function connected(world: World): Promise<void> {
  await eventually(world, 'it is connected', () => world.nova.connection.state.name === 'open');
}

/** Waits until something is so, and lets time pass whenever the client waits for its next attempt. */
export async function eventually({ nova, clock }: World, what: string, holds: () => boolean): Promise<void> {
  await until(what, () => {
    if (nova.connection.state.name === 'waiting') void clock.advance(nova.connection.state.waitMs);
    return holds();
  });
}

/** Lets pass the time that the client waits for its next attempt; answers what state it was in. */
export async function waited({ nova, clock }: World): Promise<Extract<ConnectionState, { name: 'waiting' }>> {
  await until('it waits', () => nova.connection.state.name === 'waiting');
  const { state } = nova.connection;
  if (state.name !== 'waiting') throw new Error('it waits no more');
  await clock.advance(state.waitMs);
  return state;
}

/** Ends the connection as a network does: without a word. */
export async function cut(world: World): Promise<void> {
  world.server.session.ws.terminate();
  await until('the cut is noticed', () => world.nova.connection.state.name !== 'open');
}

/** Everything that a client is told of a conversation. */
export class Told {
  readonly events: ConversationEvent[] = [];

  static of(nova: Nova, conversation: string, options: FollowOptions = { from: 'start' }): Told {
    const told = new Told();
    nova.follow(conversation, options, (event) => told.events.push(event));
    return told;
  }

  get seqs(): number[] {
    return this.events.flatMap((event) => ('seq' in event && isPlaced(event) ? [event.seq] : []));
  }

  get texts(): (string | null | undefined)[] {
    return this.events.flatMap((event) => (event.kind === 'message' ? [event.message.text] : []));
  }

  get kinds(): string[] {
    return this.events.map((event) => event.kind);
  }

  of<K extends ConversationEvent['kind']>(kind: K): Extract<ConversationEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<ConversationEvent, { kind: K }> => event.kind === kind);
  }
}

function isPlaced(event: ConversationEvent): boolean {
  return ['message', 'edited', 'deleted', 'unreadable', 'other'].includes(event.kind);
}
