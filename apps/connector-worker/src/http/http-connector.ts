import type { CallResult } from '@conducktor/contracts';
import type { Outbound } from '@conducktor/outbound';
import type {
  Connector,
  LoadedConnection,
  Offer,
  OnListsChanged,
  OnServer,
  OutgoingCall,
  UpstreamWatch,
} from '../connector.js';
import { HttpUpstream } from './http-upstream.js';

const IDLE_MS = 60 * 60_000;
const SWEEP_MS = 60_000;
const OLD_REVISION_MS = 60_000;

export interface HttpConnectorDeps {
  outbound: Outbound;
  /** For requests that stay open for long. */
  streams: Outbound;
  handshakeMs: number;
  onListsChanged: OnListsChanged;
  onServer: OnServer;
}

/** mcp-http: Streamable HTTP upstreams of both eras. */
export class HttpConnector implements Connector {
  readonly #upstreams = new Map<string, HttpUpstream>();
  readonly #watches = new Map<UpstreamWatch, HttpUpstream>();
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly deps: HttpConnectorDeps) {
    this.#sweep = setInterval(() => this.#endIdle(Date.now()), SWEEP_MS).unref();
  }

  call(connection: LoadedConnection, call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    return this.#upstreamOf(connection).call(call);
  }

  listTools(connection: LoadedConnection, deadline: number): Promise<Offer> {
    return this.#upstreamOf(connection).listTools(deadline);
  }

  async watch(connection: LoadedConnection, watch: UpstreamWatch): Promise<void> {
    const upstream = this.#upstreamOf(connection);
    this.#watches.set(watch, upstream);
    try {
      await upstream.watch(watch);
      // Ended meanwhile, before there was anything to end.
      if (!this.#watches.has(watch)) upstream.unwatch(watch);
    } catch (error) {
      this.#watches.delete(watch);
      throw error;
    }
  }

  unwatch(watch: UpstreamWatch): void {
    this.#watches.get(watch)?.unwatch(watch);
    this.#watches.delete(watch);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.allSettled([...this.#upstreams.values()].map((upstream) => upstream.close()));
  }

  /** Throws UpstreamFailure when the address or a header of the connection cannot be used. */
  #upstreamOf(connection: LoadedConnection): HttpUpstream {
    const key = `${connection.tenantId}/${connection.id}`;
    const known = this.#upstreams.get(key);
    if (known?.connection === connection) return known;
    const { onListsChanged, onServer, ...deps } = this.deps;
    const upstream = new HttpUpstream(
      {
        ...deps,
        onListChanged: (list) => onListsChanged(connection, list),
        onServer: (server) => onServer(connection, server),
      },
      connection,
    );
    this.#upstreams.set(key, upstream);
    if (known) {
      known.endWatches('The connection was changed.');
      // Calls that began under the old revision end in its sessions.
      setTimeout(() => void known.close(), OLD_REVISION_MS).unref();
    }
    return upstream;
  }

  #endIdle(now: number): void {
    for (const [key, upstream] of this.#upstreams) {
      upstream.sweep(now);
      if (upstream.watched || now - upstream.usedAt < IDLE_MS) continue;
      this.#upstreams.delete(key);
      void upstream.close();
    }
  }
}
