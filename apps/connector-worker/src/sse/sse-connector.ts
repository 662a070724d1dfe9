import type { CallResult } from '@conducktor/contracts';
import { type Outbound, parseTarget } from '@conducktor/outbound';
import {
  type Connector,
  type LoadedConnection,
  type OutgoingCall,
  type ToolList,
  UpstreamFailure,
} from '../connector.js';
import { upstreamHeaders } from '../http/upstream-headers.js';
import { SessionForgotten, SseSession } from './sse-session.js';

export interface SseConnectorDeps {
  /** For what is posted. */
  outbound: Outbound;
  /** For streams: each keeps a connection for as long as it is open. */
  streams: Outbound;
  handshakeMs: number;
  idleMs?: number;
}

const IDLE_MS = 15 * 60_000;
const SWEEP_MS = 30_000;
/** Calls of an older revision have this long to end. */
const OLD_REVISION_MS = 60_000;
/** Streams kept open by this worker, and to one connection. */
const MAX_SESSIONS = { all: 2_000, connection: 256 };

interface Kept {
  connection: LoadedConnection;
  session: Promise<SseSession>;
  /** Once it is open. */
  open: SseSession | undefined;
}

/**
 * mcp-sse: servers of MCP 2024-11-05 (HTTP with SSE). A session is one stream, and each member has
 * one of his own, so that what a server remembers of one person is never seen by another.
 */
export class SseConnector implements Connector {
  /** In the order of their last use. */
  readonly #sessions = new Map<string, Kept>();
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
    // Twice at most: a second attempt is made only when the first was refused before it could act.
    for (let again = false; ; again = true) {
      const session = await this.#sessionOf(connection, call.memberId);
      if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
      try {
        return await session.call(call);
      } catch (error) {
        if (!(error instanceof SessionForgotten)) throw error;
        session.close('The server has forgotten this session.');
        if (again)
          throw new UpstreamFailure('protocol', 'The server forgets its sessions at once.');
      }
    }
  }

  /** In a session that belongs to no member, made afresh. */
  async listTools(connection: LoadedConnection, deadline: number): Promise<ToolList> {
    this.#sessions.get(keyOf(connection, ''))?.open?.close();
    const session = await this.#sessionOf(connection, '');
    return await session.listTools(deadline);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    const open = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { session } of open) session.then((one) => one.close()).catch(() => {});
  }

  #sessionOf(connection: LoadedConnection, memberId: string): Promise<SseSession> {
    if (this.#closed) throw new UpstreamFailure('unavailable', 'The connector worker is stopping.');
    const key = keyOf(connection, memberId);
    const known = this.#sessions.get(key);
    if (known && known.connection === connection && !known.open?.ended) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known.session;
    }
    if (known) this.#leave(key, known);
    this.#makeRoom(connection);
    const kept: Kept = { connection, session: this.#open(connection, key), open: undefined };
    this.#sessions.set(key, kept);
    kept.session.then(
      (session) => (kept.open = session),
      () => this.#sessions.get(key) === kept && this.#sessions.delete(key),
    );
    return kept.session;
  }

  async #open(connection: LoadedConnection, key: string): Promise<SseSession> {
    return await SseSession.open({
      posts: this.deps.outbound.dispatcher,
      streams: this.deps.streams.dispatcher,
      url: urlOf(connection),
      headers: upstreamHeaders(connection.headers),
      handshakeMs: Math.min(this.deps.handshakeMs, connection.timeoutMs),
      onEnd: () => this.#sessions.get(key)?.open?.ended && this.#sessions.delete(key),
    });
  }

  #makeRoom(connection: LoadedConnection): void {
    const own = [...this.#sessions].filter(([, kept]) =>
      sameConnection(kept.connection, connection),
    );
    const crowd =
      own.length >= MAX_SESSIONS.connection
        ? own
        : this.#sessions.size >= MAX_SESSIONS.all
          ? [...this.#sessions]
          : undefined;
    if (!crowd) return;
    const idle = crowd.find(([, kept]) => kept.open?.idle);
    if (!idle)
      throw new UpstreamFailure(
        'unavailable',
        `Too many sessions with ${connection.slug} are in use; the call was not sent.`,
      );
    this.#leave(...idle);
  }

  /** Its calls may still end. */
  #leave(key: string, kept: Kept): void {
    if (this.#sessions.get(key) === kept) this.#sessions.delete(key);
    const end = (): void => void kept.session.then((one) => one.close()).catch(() => {});
    if (!kept.open || kept.open.idle) end();
    else setTimeout(end, OLD_REVISION_MS).unref();
  }

  #endIdle(idleMs: number): void {
    const now = Date.now();
    for (const [key, kept] of this.#sessions) {
      if (kept.open?.idle && now - kept.open.usedAt > idleMs) this.#leave(key, kept);
    }
  }
}

const keyOf = (connection: LoadedConnection, memberId: string): string =>
  `${connection.tenantId}/${connection.id}/${memberId}`;

const sameConnection = (one: LoadedConnection, other: LoadedConnection): boolean =>
  one.tenantId === other.tenantId && one.id === other.id;

function urlOf(connection: LoadedConnection): URL {
  try {
    return parseTarget(connection.url ?? '');
  } catch (error) {
    throw new UpstreamFailure('configuration', (error as Error).message);
  }
}
