import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CallResult } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
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
  onListsChanged: OnListsChanged;
  onServer: OnServer;
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
  readonly #watches = new Map<UpstreamWatch, SupervisedServer>();
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

  async listTools(connection: LoadedConnection, deadline: number): Promise<Offer> {
    const session = await this.#serverOf(connection).session();
    return await session.listTools(deadline);
  }

  async watch(connection: LoadedConnection, watch: UpstreamWatch): Promise<void> {
    const server = this.#serverOf(connection, watch.uris.length > 0);
    this.#watches.set(watch, server);
    try {
      await server.watch.add(watch);
    } catch (error) {
      this.#watches.delete(watch);
      throw error;
    }
  }

  unwatch(watch: UpstreamWatch): void {
    this.#watches.get(watch)?.watch.remove(watch);
    this.#watches.delete(watch);
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
  #serverOf(connection: LoadedConnection, mustRun = true): SupervisedServer {
    if (this.#closed) throw new UpstreamFailure('unavailable', 'The connector worker is stopping.');
    const key = `${connection.tenantId}/${connection.id}`;
    const known = this.#servers.get(key);
    if (known?.connection === connection) {
      if (mustRun && !known.occupied) this.#makeRoom();
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
    if (mustRun && !known?.occupied) this.#makeRoom();
    makeStateDir(stateDir);
    const { sandbox, handshakeMs, logger, onListsChanged, onServer } = this.deps;
    const log = logger.child({
      tenantId: connection.tenantId,
      connectionId: connection.id,
      server: connection.catalog,
    });
    const server = new SupervisedServer(
      {
        plan,
        sandbox,
        handshakeMs,
        after,
        onEvent: (event, detail) => log.info(detail, event),
        onListChanged: (list) => onListsChanged(connection, list),
        onServer: (server) => onServer(connection, server),
      },
      connection,
    );
    this.#servers.set(key, server);
    return server;
  }

  #makeRoom(): void {
    const occupied = [...this.#servers].filter(([, server]) => server.occupied);
    if (occupied.length < this.deps.maxServers) return;
    const [idle] = occupied
      .filter(([, server]) => server.idle && Date.now() - server.usedAt > EVICTABLE_MS)
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
      if (server.idle && Date.now() - server.usedAt > idleMs) this.#remove(key, server);
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
