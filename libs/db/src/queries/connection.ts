import type { UpstreamServer } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

export interface LockedConnection {
  slug: string;
  status: string;
  statusReason: string | null;
}

/** The connection, until the transaction ends its only writer; undefined when there is none. */
export async function lockConnection(
  tx: TenantTx,
  connectionId: string,
): Promise<LockedConnection | undefined> {
  const { rows } = await tx.query<LockedConnection>(
    `select slug, status, status_reason as "statusReason"
       from connection where tenant_id = $1 and id = $2 for update`,
    [tx.tenantId, connectionId],
  );
  return rows[0];
}

export async function setConnectionStatus(
  tx: TenantTx,
  connectionId: string,
  status: string,
  reason: string | null,
): Promise<void> {
  await tx.query(
    'update connection set status = $3, status_reason = $4 where tenant_id = $1 and id = $2',
    [tx.tenantId, connectionId, status, reason],
  );
}

/** Resolves with whether it differs from what was stored; only then snapshots become old. */
export async function setConnectionServer(
  tx: TenantTx,
  connectionId: string,
  server: UpstreamServer,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update connection set server = $3::jsonb
      where tenant_id = $1 and id = $2 and server is distinct from $3::jsonb`,
    [tx.tenantId, connectionId, JSON.stringify(server)],
  );
  return rowCount === 1;
}
