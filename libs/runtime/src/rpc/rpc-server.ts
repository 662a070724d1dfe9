import { createServer, type Server } from 'node:net';
import type { RpcAddress } from './address.js';
import type { RpcHandlers, RpcPeer } from './handlers.js';
import { listenOn } from './listening.js';
import { Link } from './server-link.js';

const MAX_CONNECTIONS = 512;
const SWEEP_MS = 1_000;

export interface RpcServerOptions {
  listen: RpcAddress;
  /** Path of a Unix socket beside it, for diallers on the same machine. */
  socket?: string | undefined;
  /** deriveKey(SECRET_KEY, 'rpc') */
  key: Buffer;
  handlers: RpcHandlers;
  /** A connection was closed for a reason worth a log line. */
  onRefused?: (reason: string) => void;
}

/** The worker's side of the framed protocol of contracts/rpc.ts. */
export class RpcServer {
  readonly #server: Server;
  readonly #local: Server | undefined;
  readonly #links = new Set<Link>();
  readonly #sweep: NodeJS.Timeout;

  private constructor(private readonly options: RpcServerOptions) {
    this.#server = this.#newServer();
    if (options.socket !== undefined) this.#local = this.#newServer();
    let sweptAt = performance.now();
    this.#sweep = setInterval(() => {
      const now = performance.now();
      // Where this process itself stood still, what was sent to it meanwhile is read only after this.
      const wasAwake = now - sweptAt < 3 * SWEEP_MS;
      sweptAt = now;
      if (wasAwake) for (const link of this.#links) link.sweep(now);
    }, SWEEP_MS).unref();
  }

  /** Resolves once listening; rejects when an address is taken. */
  static async listen(options: RpcServerOptions): Promise<RpcServer> {
    const server = new RpcServer(options);
    try {
      await listenOn(server.#server, options.listen);
      if (server.#local) await listenOn(server.#local, { path: options.socket! });
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** The port in use, for `port: 0`. */
  get port(): number {
    const address = this.#server.address();
    return address && typeof address === 'object' ? address.port : 0;
  }

  get peers(): RpcPeer[] {
    return [...this.#links].filter((link) => link.joined);
  }

  /**
   * Takes no new connections and tells those there are that this worker is stopping, so that new calls go
   * elsewhere. They stay until they end or `close` is called.
   */
  leave(): void {
    for (const server of this.#servers) server.close();
    for (const link of this.#links) link.leave();
  }

  /** Sends what waits, then ends every connection. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const link of this.#links) link.end();
    await Promise.all(closed);
  }

  get #servers(): Server[] {
    return this.#local ? [this.#server, this.#local] : [this.#server];
  }

  #newServer(): Server {
    const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      const link = new Link(socket, this.options, () => this.#links.delete(link));
      this.#links.add(link);
    });
    server.maxConnections = MAX_CONNECTIONS;
    return server;
  }
}
