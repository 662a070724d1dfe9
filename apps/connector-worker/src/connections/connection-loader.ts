import { serverHash } from '@conducktor/catalog';
import { type Db, findWorkerConnection, type WorkerConnectionRow } from '@conducktor/db';
import { openConnectionSecrets, type Vault } from '@conducktor/vault';
import { type LoadedConnection, UpstreamFailure } from '../connector.js';
import { paramHeadersOf } from '../mcp/param-headers.js';

/** Held this long at most, so that secrets of unused connections do not stay in memory. */
const KEEP_MS = 5 * 60_000;
const MAX_KEPT = 10_000;

interface Kept {
  connection: LoadedConnection;
  /** Revision of the row and of its secrets: the same means the very same object goes on. */
  version: string;
  loadedAt: number;
}

/** Connections with their secrets opened, by tenant and id. */
export class ConnectionLoader {
  readonly #kept = new Map<string, Kept>();
  readonly #loading = new Map<string, Promise<LoadedConnection>>();

  constructor(private readonly deps: { db: Db; vault: Vault }) {}

  /** What is at hand already and no older than `revision`; spares the hot path a promise. */
  peek(tenantId: string, connectionId: string, revision: number): LoadedConnection | undefined {
    const kept = this.#kept.get(`${tenantId}/${connectionId}`);
    if (!kept || kept.connection.revision < revision || Date.now() - kept.loadedAt > KEEP_MS)
      return undefined;
    return kept.connection;
  }

  /**
   * Reads the row as it is now; rejects with UpstreamFailure when it is gone or cannot be read. A read
   * that was under way already may have seen the row before `revision`: then it is read again.
   */
  async load(tenantId: string, connectionId: string, revision = 0): Promise<LoadedConnection> {
    const connection = await this.#loadOnce(tenantId, connectionId);
    if (connection.revision >= revision) return connection;
    return this.#loadOnce(tenantId, connectionId);
  }

  #loadOnce(tenantId: string, connectionId: string): Promise<LoadedConnection> {
    const key = `${tenantId}/${connectionId}`;
    let loading = this.#loading.get(key);
    if (!loading) {
      loading = this.#read(key, tenantId, connectionId).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #read(key: string, tenantId: string, connectionId: string): Promise<LoadedConnection> {
    const row = await this.deps.db
      .withTenant(tenantId, (tx) => findWorkerConnection(tx, connectionId))
      .catch((error: unknown) => {
        throw new UpstreamFailure(
          'unavailable',
          'The connection could not be read from the database right now.',
          { cause: error },
        );
      });
    if (!row) {
      this.#kept.delete(key);
      throw new UpstreamFailure('configuration', 'This connection does not exist any more.');
    }
    const version = `${row.revision}/${row.sealedAt ?? ''}/${JSON.stringify(row.headerSchemas)}`;
    const kept = this.#kept.get(key);
    const connection =
      kept?.version === version ? kept.connection : await this.#open(tenantId, row);
    connection.serverHash = row.status === 'PENDING' ? undefined : serverHash(row.server);
    this.#kept.delete(key);
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, { connection, version, loadedAt: Date.now() });
    return connection;
  }

  async #open(tenantId: string, row: WorkerConnectionRow): Promise<LoadedConnection> {
    const secrets = row.sealed
      ? await openConnectionSecrets(this.deps.vault, tenantId, row.id, row.sealed).catch(
          (error: unknown) => {
            throw new UpstreamFailure(
              'configuration',
              "The connection's secrets cannot be opened; enter them again.",
              { cause: error },
            );
          },
        )
      : {};
    return {
      tenantId,
      id: row.id,
      slug: row.slug,
      kind: row.kind,
      url: row.url ?? undefined,
      catalog: row.catalog ?? undefined,
      args: Array.isArray(row.args) ? row.args.map(String) : [],
      timeoutMs: row.timeoutMs,
      revision: row.revision,
      headers: secrets.headers ?? {},
      env: secrets.env ?? {},
      serverHash: undefined,
      paramHeaders: new Map(
        row.headerSchemas.map(({ name, schema }) => [name, paramHeadersOf(schema)]),
      ),
    };
  }
}
