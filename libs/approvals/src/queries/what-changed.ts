import type { TenantTx } from '@conducktor/db';
import type { ApprovalRow } from './approval-request.js';

/**
 * What of all that a request is bound to is no longer as it was when it was asked, in words for people;
 * undefined: nothing. By the same function as gateways look through all that wait, a few seconds later.
 */
export async function whatChanged(
  tx: TenantTx,
  { id }: Pick<ApprovalRow, 'id'>,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ reason: string }>(
    `select changed.reason from approval_request r cross join lateral approval_changes(r) changed
      where r.tenant_id = $1 and r.id = $2`,
    [tx.tenantId, id],
  );
  return rows[0]?.reason;
}
