import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

let program: string | undefined;

/** A test does within seconds what people do within hours, from one address. */
const withoutClientLimits = {
  NOVA__HTTP__IN_FLIGHT_PER_ADDRESS_MAX: '0',
  NOVA__HTTP__IN_FLIGHT_PER_USER_MAX: '0',
  NOVA__HTTP__REQUESTS_PER_SECOND_PER_USER: '0',
  NOVA__QUERIES__AFTER_WAITING_PER_USER_MAX: '0',
  NOVA__QUOTAS__ENABLED: 'false',
};

/** The program: $NOVA_BIN, or what cargo builds. */
export function novaBin(): string {
  program ??= process.env['NOVA_BIN'] ?? built();
  return program;
}

function built(): string {
  const workspace = fileURLToPath(new URL('../../../../../', import.meta.url));
  const args = ['build', '-p', 'nova', '--locked', '--message-format=json-render-diagnostics'];
  const told = execFileSync('cargo', args, {
    cwd: workspace,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 << 20,
  });
  const messages = told.split('\n').filter((line) => line.startsWith('{'));
  for (const line of messages) {
    const { executable, target } = JSON.parse(line) as { executable?: string | null; target?: { name?: string } };
    if (typeof executable === 'string' && target?.name === 'nova') return executable;
  }
  throw new Error('cargo did not say where the program is');
}

/** A data folder, and `nova serve` on it, which may be killed and started again. Gone with the test. */
export class RealNova {
  readonly data = mkdtempSync(join(tmpdir(), 'nova-client-'));
  readonly #env: Record<string, string>;
  #process: ChildProcess | undefined;
  #told = '';
  port = 0;

  constructor(env: Record<string, string> = {}) {
    this.#env = env;
  }

  static async start(t: TestContext, env: Record<string, string> = {}): Promise<RealNova> {
    const nova = new RealNova(env);
    t.after(async () => {
      await nova.kill();
      rmSync(nova.data, { recursive: true, force: true });
    });
    await nova.start();
    return nova;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const args = ['--data', this.data, '--listen', '127.0.0.1:0', 'serve'];
    const env = { ...process.env, ...withoutClientLimits, ...this.#env };
    const child = spawn(novaBin(), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#told = '';
    child.stderr.on('data', (bytes: Buffer) => (this.#told = (this.#told + bytes.toString()).slice(-10_000)));
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^ready http:\/\/.*:(\d+)/.exec(line.trim())?.[1];
      if (port === undefined) continue;
      this.port = Number(port);
      // Somebody has to go on reading.
      child.stdout.resume();
      return;
    }
    throw new Error(`nova ended before it was ready: ${this.#told}`);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As a deployment would. */
  async terminate(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  token(user: string, seconds = 3600): string {
    const args = ['--data', this.data, 'token', '--user', user, '--ttl', String(seconds)];
    return execFileSync(novaBin(), args, { env: { ...process.env, ...this.#env }, encoding: 'utf8' }).trim();
  }
}

export interface Person {
  id: string;
  handle: string;
  token: string;
}

export function person(nova: RealNova, handle: string): Person {
  const id = randomUUID();
  return { id, handle, token: nova.token(id) };
}
