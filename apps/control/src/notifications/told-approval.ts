import { findApproval, labelOf, type ApprovalRow } from '@conducktor/approvals';
import type { TenantTx } from '@conducktor/db';
import type { ToldApproval } from '@conducktor/notifications';

/** What a message says of a request, and the request itself; undefined when it is gone. */
export async function readToldApproval(
  tx: TenantTx,
  id: string,
): Promise<{ told: ToldApproval; row: ApprovalRow } | undefined> {
  const row = await findApproval(tx, id);
  if (!row) return undefined;
  const { rows } = await tx.query<{ email: string }>(
    'select email from member where tenant_id = $1 and id = $2',
    [tx.tenantId, row.memberId],
  );
  return {
    row,
    told: {
      tool: row.tool,
      connection: row.connection,
      toolClass: row.toolClass,
      requester: { memberId: row.memberId, email: rows[0]?.email ?? 'a former member' },
      clientId: row.clientId,
      approvers: [...new Set(row.demands.map(({ approvers }) => labelOf(approvers)))].join(', '),
      expiresAt: row.expiresAt,
    },
  };
}

/**
 * The arguments as they were asked for, sealed under the requester's key; undefined when that key was
 * destroyed, or when they are kept no longer. Asked before the vault is, which may hold the key for a while, or would make a new one.
 */
export async function readSealedArguments(tx: TenantTx, id: string): Promise<Buffer | undefined> {
  const { rows } = await tx.query<{ sealed: Buffer }>(
    `select r.arguments_sealed as sealed from approval_request r
       join subject_key s on s.tenant_id = r.tenant_id and s.member_id = r.member_id
      where r.tenant_id = $1 and r.id = $2 and r.arguments_sealed <> ''
        -- A key of after the request is another one; between the clocks of two services.
        and s.created_at <= r.created_at + interval '5 minutes'`,
    [tx.tenantId, id],
  );
  return rows[0]?.sealed;
}
