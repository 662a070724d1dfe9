import { createServer, type Server } from 'node:net';
import type { RpcAddress } from './address.js';
import type { RpcHandlers, RpcPeer } from './handlers.js';
import { Link } from './server-link.js';

const MAX_CONNECTIONS = 512;
const SWEEP_MS = 1_000;

export interface RpcServerOptions {
  listen: RpcAddress;
  /** deriveKey(SECRET_KEY, 'rpc') */
  key: Buffer;
  handlers: RpcHandlers;
  /** A connection was closed for a reason worth a log line. */
  onRefused?: (reason: string) => void;
}

/** The worker's side of the framed protocol of contracts/rpc.ts. */
export class RpcServer {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #sweep: NodeJS.Timeout;

  private constructor(private readonly options: RpcServerOptions) {
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      const link = new Link(socket, options, () => this.#links.delete(link));
      this.#links.add(link);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    let sweptAt = performance.now();
    this.#sweep = setInterval(() => {
      const now = performance.now();
      // Where this process itself stood still, what was sent to it meanwhile is read only after this.
      const wasAwake = now - sweptAt < 3 * SWEEP_MS;
      sweptAt = now;
      if (wasAwake) for (const link of this.#links) link.sweep(now);
    }, SWEEP_MS).unref();
  }

  /** Resolves once listening; rejects when the address is taken. */
  static async listen(options: RpcServerOptions): Promise<RpcServer> {
    const server = new RpcServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.listen, () => {
        server.#server.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  /** The port in use, for `port: 0`. */
  get port(): number {
    const address = this.#server.address();
    return address && typeof address === 'object' ? address.port : 0;
  }

  get peers(): RpcPeer[] {
    return [...this.#links].filter((link) => link.joined);
  }

  /** Takes no new connections; those there are stay until they end or `close` is called. */
  stopListening(): void {
    this.#server.close();
  }

  /** Sends what waits, then ends every connection. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.end();
    await closed;
  }
}
