import type { CallResult } from '@conducktor/contracts';
import type { Outbound } from '@conducktor/outbound';
import type { Connector, LoadedConnection, OutgoingCall, ToolList } from '../connector.js';
import { HttpUpstream } from './http-upstream.js';

const IDLE_MS = 60 * 60_000;
const SWEEP_MS = 60_000;
const OLD_REVISION_MS = 60_000;

/** mcp-http: Streamable HTTP upstreams of both eras. */
export class HttpConnector implements Connector {
  readonly #upstreams = new Map<string, HttpUpstream>();
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly deps: { outbound: Outbound; handshakeMs: number }) {
    this.#sweep = setInterval(() => this.#endIdle(Date.now()), SWEEP_MS).unref();
  }

  call(connection: LoadedConnection, call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    return this.#upstreamOf(connection).call(call);
  }

  listTools(connection: LoadedConnection, deadline: number): Promise<ToolList> {
    return this.#upstreamOf(connection).listTools(deadline);
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
    const upstream = new HttpUpstream(this.deps, connection);
    this.#upstreams.set(key, upstream);
    // Calls that began under the old revision end in its sessions.
    if (known) setTimeout(() => void known.close(), OLD_REVISION_MS).unref();
    return upstream;
  }

  #endIdle(now: number): void {
    for (const [key, upstream] of this.#upstreams) {
      upstream.sweep(now);
      if (now - upstream.usedAt < IDLE_MS) continue;
      this.#upstreams.delete(key);
      void upstream.close();
    }
  }
}
