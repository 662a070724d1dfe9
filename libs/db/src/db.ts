import { Pool, type PoolClient, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { takeClient } from './take-client.js';

/** A transaction bound to one tenant: every row it can see or write is that tenant's. */
export interface TenantTx {
  readonly tenantId: string;
  query<Row extends QueryResultRow = QueryResultRow>(
    text: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<Row>>;
}

export interface Db {
  /** For tables of the installation and for cross-tenant functions only; tenant rows go through withTenant. */
  readonly pool: Pool;
  withTenant<Result>(tenantId: string, work: (tx: TenantTx) => Promise<Result>): Promise<Result>;
  end(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 15_000;
// The server's own answer to a statement that took too long comes first.
const SILENT_MS = 2_000;

/**
 * A connection pool for one service role. Statements are bounded to `statementTimeoutMs` (default 15 s).
 */
export function createDb(
  url: string,
  options: {
    max?: number;
    name?: string;
    statementTimeoutMs?: number;
    /** Ends waiting on this side, for a server that fell silent; a little after the statement's own end. */
    queryTimeoutMs?: number;
  } = {},
): Db {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.name ?? 'conducktor',
    connectionTimeoutMillis: 5_000,
    statement_timeout: statementTimeoutMs,
    keepAlive: true,
    // A network that loses the server says nothing, and TCP itself would wait for a quarter of an hour.
    query_timeout: options.queryTimeoutMs ?? statementTimeoutMs + SILENT_MS,
  });
  // An idle connection that Postgres closed is replaced at the next use; without a listener it
  // would end the process.
  pool.on('error', () => {});
  return {
    pool,
    withTenant: (tenantId, work) => withTenant(pool, tenantId, work),
    end: () => pool.end(),
  };
}

// Prepared once per session.
const BIND_TENANT = {
  name: 'bind_tenant',
  text: "select set_config('conducktor.tenant', $1, true)",
};

/**
 * Runs `work` in one transaction that row level security binds to `tenantId`; commits when it
 * resolves, rolls back when it throws.
 */
export async function withTenant<Result>(
  pool: Pool,
  tenantId: string,
  work: (tx: TenantTx) => Promise<Result>,
): Promise<Result> {
  const { client, giveBack } = await takeClient(pool);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    // Transaction-local, so that a pooled connection never carries a tenant into its next use.
    await client.query({ ...BIND_TENANT, values: [tenantId] });
    const result = await work(tenantTx(client, tenantId));
    await client.query('commit');
    return result;
  } catch (error) {
    if (isSilence(error)) broken = error;
    else
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError;
      });
    throw error;
  } finally {
    giveBack(broken);
  }
}

/** Nothing more is to be heard on that connection; pg gives this error no code. */
function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

function tenantTx(client: PoolClient, tenantId: string): TenantTx {
  return {
    tenantId,
    query: <Row extends QueryResultRow>(text: string | QueryConfig, values?: unknown[]) =>
      typeof text === 'string' ? client.query<Row>(text, values) : client.query<Row>(text),
  };
}
