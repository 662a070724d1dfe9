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
    'select reason from approval_changes($1, $2)',
    [tx.tenantId, id],
  );
  return rows[0]?.reason;
}
