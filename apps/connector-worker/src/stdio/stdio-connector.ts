import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CallResult } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
import {
  type Connector,
  type LoadedConnection,
  type OutgoingCall,
  type ToolList,
  UpstreamFailure,
} from '../connector.js';
import type { Catalogue } from './catalogue.js';
import { planLaunch } from './launch-plan.js';
import type { Sandbox } from './sandbox.js';
import { SupervisedServer } from './supervised-server.js';

export interface StdioConnectorDeps {
  catalogue: Catalogue;
  sandbox: Sandbox;
  /** Directories of connections' own are made below this one. */
  stateRoot: string;
  maxServers: number;
  handshakeMs: number;
  logger: Logger;
  idleMs?: number;
}

const IDLE_MS = 15 * 60_000;
/** A server unused for this long makes room for another connection's. */
const EVICTABLE_MS = 60_000;
/** Calls of an older revision have this long to end. */
const OLD_REVISION_MS = 5_000;

/** mcp-stdio: servers of the operator's catalogue, one process for each tenant and connection. */
export class StdioConnector implements Connector {
  readonly #servers = new Map<string, SupervisedServer>();
  readonly #sweep: NodeJS.Timeout;
  #closed = false;

  constructor(private readonly deps: StdioConnectorDeps) {
    const idleMs = deps.idleMs ?? IDLE_MS;
    this.#sweep = setInterval(() => this.#stopIdle(idleMs), Math.min(30_000, idleMs)).unref();
  }

  async call(
    connection: LoadedConnection,
    call: OutgoingCall,
  ): Promise<Omit<CallResult, 'durationMs'>> {
    const server = this.#serverOf(connection);
    const session = await server.session();
    if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
    return await session.call(call);
  }

  async listTools(connection: LoadedConnection, deadline: number): Promise<ToolList> {
    const session = await this.#serverOf(connection).session();
    return await session.listTools(deadline);
  }

  /** Process ids, for the tests that count what is left behind. */
  get pids(): number[] {
    return [...this.#servers.values()]
      .map((server) => server.pid)
      .filter((pid) => pid !== undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }

  /** Throws UpstreamFailure for a connection that the catalogue does not allow, or when no room is left. */
  #serverOf(connection: LoadedConnection): SupervisedServer {
    if (this.#closed) throw new UpstreamFailure('unavailable', 'The connector worker is stopping.');
    const key = `${connection.tenantId}/${connection.id}`;
    const known = this.#servers.get(key);
    if (known?.connection === connection) {
      if (!known.occupied) this.#makeRoom();
      return known;
    }
    const entry = this.deps.catalogue.get(connection.catalog ?? '');
    if (!entry)
      throw new UpstreamFailure(
        'configuration',
        `The catalogue of this installation has no server "${connection.catalog ?? ''}".`,
      );
    const stateDir = join(this.deps.stateRoot, safe(connection.tenantId), safe(connection.id));
    const plan = planLaunch(entry, connection, stateDir);
    // Two processes over one directory would overwrite each other: the old one ends first.
    const after = known?.stop(OLD_REVISION_MS);
    if (!known?.occupied) this.#makeRoom();
    makeStateDir(stateDir);
    const { sandbox, handshakeMs, logger } = this.deps;
    const log = logger.child({
      tenantId: connection.tenantId,
      connectionId: connection.id,
      server: connection.catalog,
    });
    const server = new SupervisedServer(
      { plan, sandbox, handshakeMs, after, onEvent: (event, detail) => log.info(detail, event) },
      connection,
    );
    this.#servers.set(key, server);
    return server;
  }

  #makeRoom(): void {
    const occupied = [...this.#servers].filter(([, server]) => server.occupied);
    if (occupied.length < this.deps.maxServers) return;
    const [idle] = occupied
      .filter(([, server]) => server.inFlight === 0 && Date.now() - server.usedAt > EVICTABLE_MS)
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (!idle) {
      throw new UpstreamFailure(
        'unavailable',
        `This worker already runs ${this.deps.maxServers} servers, as many as it may (MAX_CONCURRENT_SERVERS).`,
      );
    }
    this.#remove(...idle);
  }

  #stopIdle(idleMs: number): void {
    for (const [key, server] of this.#servers) {
      if (server.inFlight === 0 && Date.now() - server.usedAt > idleMs) this.#remove(key, server);
    }
  }

  #remove(key: string, server: SupervisedServer): void {
    this.#servers.delete(key);
    void server.stop();
  }
}

/** Ids are ours, but they become names of directories here. */
function safe(id: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id))
    throw new UpstreamFailure('configuration', 'The id of this connection cannot be used.');
  return id;
}

function makeStateDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UpstreamFailure(
      'unavailable',
      `The server has no directory to work in (${(error as NodeJS.ErrnoException).code ?? 'error'}).`,
    );
  }
}
