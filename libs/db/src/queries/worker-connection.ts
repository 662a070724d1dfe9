import type { UpstreamServer } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

/** A connection as the connector worker needs it, with its secrets still sealed. */
export interface WorkerConnectionRow {
  id: string;
  slug: string;
  kind: 'mcp-http' | 'mcp-sse' | 'mcp-stdio';
  url: string | null;
  catalog: string | null;
  args: unknown;
  timeoutMs: number;
  revision: number;
  status: string;
  /** What the server said of itself when it was last taken over. */
  server: UpstreamServer | null;
  sealed: Buffer | null;
  /** Changes with the secrets, also where the revision does not. */
  sealedAt: string | null;
  /** Pinned input schemas that ask for headers (x-mcp-header), by upstream name. */
  headerSchemas: { name: string; schema: unknown }[];
}

/** Undefined when the tenant has no such connection. */
export async function findWorkerConnection(
  tx: TenantTx,
  connectionId: string,
): Promise<WorkerConnectionRow | undefined> {
  const { rows } = await tx.query<WorkerConnectionRow & { revision: string }>(
    `select c.id, c.slug, c.kind, c.url, c.catalog, c.args, c.timeout_ms as "timeoutMs", c.revision, c.status, c.server,
            s.sealed, s.updated_at::text as "sealedAt",
            coalesce((
              select jsonb_agg(jsonb_build_object('name', t.upstream_name, 'schema', t.definition -> 'inputSchema'))
                from tool t
               where t.tenant_id = c.tenant_id and t.connection_id = c.id and t.removed_at is null
                 and t.definition::text like '%"x-mcp-header"%'
            ), '[]') as "headerSchemas"
       from connection c
       left join connection_secret s on s.tenant_id = c.tenant_id and s.connection_id = c.id
      where c.tenant_id = $1 and c.id = $2`,
    [tx.tenantId, connectionId],
  );
  const row = rows[0];
  return row && { ...row, revision: Number(row.revision) };
}

/** Whether somebody stopped this connection, or its whole workspace, for now. */
export async function isConnectionFrozen(tx: TenantTx, connectionId: string): Promise<boolean> {
  const { rows } = await tx.query<{ frozen: boolean }>(
    `select exists (select from frozen where tenant_id = $1
        and (kind = 'workspace' or (kind = 'connection' and subject_id = $2))) as frozen`,
    [tx.tenantId, connectionId],
  );
  return rows[0]!.frozen;
}
