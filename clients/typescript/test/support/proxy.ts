import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** A TCP proxy on loopback whose connections a test can cut. Its port stays the same when the server's changes. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  #target: number;
  /** Each new connection is cut after so many bytes from the server. */
  budget: () => number = () => Infinity;
  cuts = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#connect(client));
  }

  static async start(targetPort: number): Promise<Proxy> {
    const proxy = new Proxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  retarget(port: number): void {
    this.#target = port;
  }

  /** Cuts those that chance picks. */
  cut(picks: () => boolean = () => true): number {
    const picked = [...this.#pairs].filter(picks);
    for (const pair of picked) this.#end(pair, true);
    return picked.length;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #connect(client: Socket): void {
    const upstream = createConnection(this.#target, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    this.#pairs.add(pair);
    let left = this.budget();
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) this.#end(pair, true);
    });
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#end(pair, true));
      socket.on('close', () => this.#end(pair, false));
    }
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  }

  #end(pair: [Socket, Socket], isCut: boolean): void {
    if (!this.#pairs.delete(pair)) return;
    if (isCut) this.cuts += 1;
    const [client, upstream] = pair;
    // What was written already arrives; the rest does not.
    client.destroySoon();
    upstream.destroy();
  }
}
