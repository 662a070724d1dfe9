import type { CallResult } from '@conducktor/contracts';
import { type Outbound, parseTarget } from '@conducktor/outbound';
import {
  type Connector,
  type LoadedConnection,
  type Offer,
  type OnListsChanged,
  type OnServer,
  type OutgoingCall,
  UpstreamFailure,
  type UpstreamWatch,
} from '../connector.js';
import { withoutAnswer } from '../http/failures.js';
import { LegacyWatch } from '../http/legacy-watch.js';
import { upstreamHeaders } from '../http/upstream-headers.js';
import { NOTHING } from '../mcp/capabilities.js';
import { listAllTools } from '../mcp/list-tools.js';
import { SseSessions } from './sse-sessions.js';

export interface SseConnectorDeps {
  /** For what is posted. */
  outbound: Outbound;
  /** For streams: each keeps a connection for as long as it is open. */
  streams: Outbound;
  handshakeMs: number;
  onListsChanged: OnListsChanged;
  onServer: OnServer;
  idleMs?: number;
}

const IDLE_MS = 15 * 60_000;
const SWEEP_MS = 30_000;
/** Calls of an older revision have this long to end. */
const OLD_REVISION_MS = 60_000;
/** Streams of this worker to all its connections. */
const MAX_STREAMS = 2_000;

interface Upstream {
  connection: LoadedConnection;
  sessions: SseSessions;
  /** By member; '' for who listens to the lists alone. */
  watches: Map<string, LegacyWatch>;
}

/** mcp-sse: servers of MCP 2024-11-05, over HTTP with SSE. */
export class SseConnector implements Connector {
  readonly #upstreams = new Map<string, Upstream>();
  readonly #watched = new Map<UpstreamWatch, { upstream: Upstream; watch: LegacyWatch }>();
  readonly #sweep: NodeJS.Timeout;
  #closed = false;

  constructor(private readonly deps: SseConnectorDeps) {
    const idleMs = deps.idleMs ?? IDLE_MS;
    this.#sweep = setInterval(() => this.#endIdle(idleMs), Math.min(SWEEP_MS, idleMs)).unref();
  }

  async call(
    connection: LoadedConnection,
    call: OutgoingCall,
  ): Promise<Omit<CallResult, 'durationMs'>> {
    return await this.#upstreamOf(connection).sessions.call(call);
  }

  /** In a session made for it, which belongs to no member. */
  async listTools(connection: LoadedConnection, deadline: number): Promise<Offer> {
    const { sessions } = this.#upstreamOf(connection);
    const left = (): number => Math.min(this.deps.handshakeMs, deadline - Date.now());
    const session = await sessions.openApart(NOTHING, left());
    try {
      const { server } = session;
      const list = await listAllTools(server, async (cursor) => {
        const params = cursor === undefined ? {} : { cursor };
        const reply = await session.request('tools/list', params, left());
        if (!reply.answer) throw withoutAnswer(reply);
        return reply.answer;
      });
      return { ...list, server };
    } finally {
      session.close();
    }
  }

  async watch(connection: LoadedConnection, watch: UpstreamWatch): Promise<void> {
    const upstream = this.#upstreamOf(connection);
    let kept = upstream.watches.get(watch.memberId);
    if (!kept || kept.closed) {
      kept = new LegacyWatch(upstream.sessions, watch.memberId, this.deps.handshakeMs);
      upstream.watches.set(watch.memberId, kept);
    }
    this.#watched.set(watch, { upstream, watch: kept });
    try {
      await kept.add(watch);
    } catch (error) {
      this.unwatch(watch);
      throw error;
    }
  }

  unwatch(watch: UpstreamWatch): void {
    const known = this.#watched.get(watch);
    if (!known) return;
    this.#watched.delete(watch);
    known.watch.remove(watch);
    for (const [key, kept] of known.upstream.watches)
      if (kept === known.watch && kept.empty) known.upstream.watches.delete(key);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const upstream of this.#upstreams.values()) this.#end(upstream);
    this.#upstreams.clear();
  }

  #upstreamOf(connection: LoadedConnection): Upstream {
    if (this.#closed) throw new UpstreamFailure('unavailable', 'The connector worker is stopping.');
    const key = `${connection.tenantId}/${connection.id}`;
    const known = this.#upstreams.get(key);
    if (known?.connection === connection) return known;
    const sessions = new SseSessions({
      posts: this.deps.outbound.dispatcher,
      streams: this.deps.streams.dispatcher,
      url: urlOf(connection),
      headers: upstreamHeaders(connection.headers),
      handshakeMs: Math.min(this.deps.handshakeMs, connection.timeoutMs),
      slug: connection.slug,
      hasRoom: () => this.#streams() < MAX_STREAMS,
      onListChanged: (list) => this.deps.onListsChanged(connection, list),
      onServer: (server) => this.deps.onServer(connection, server),
    });
    const upstream: Upstream = { connection, sessions, watches: new Map() };
    this.#upstreams.set(key, upstream);
    if (known) this.#end(known, OLD_REVISION_MS);
    return upstream;
  }

  #streams(): number {
    let count = 0;
    for (const { sessions } of this.#upstreams.values()) count += sessions.size;
    return count;
  }

  #end({ sessions, watches }: Upstream, afterMs = 0): void {
    for (const watch of watches.values()) watch.end('The connection was changed or closed.');
    if (afterMs === 0) sessions.close();
    else setTimeout(() => sessions.close(), afterMs).unref();
  }

  #endIdle(idleMs: number): void {
    const now = Date.now();
    for (const [key, { sessions, watches }] of this.#upstreams) {
      sessions.sweep(now, idleMs);
      if (sessions.size === 0 && watches.size === 0) this.#upstreams.delete(key);
    }
  }
}

function urlOf(connection: LoadedConnection): URL {
  try {
    return parseTarget(connection.url ?? '');
  } catch (error) {
    throw new UpstreamFailure('configuration', (error as Error).message);
  }
}
