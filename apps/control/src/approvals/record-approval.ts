import type { ApprovalRow } from '@conducktor/approvals';
import { recordControlEvent, type TenantTx } from '@conducktor/db';
import type { Caller } from '../http/caller.js';

/** Writes who did what to which request, in the transaction that does it. Arguments by their hash only. */
export async function recordApproval(
  tx: TenantTx,
  caller: Caller,
  action: string,
  row: ApprovalRow,
  detail: Record<string, unknown>,
): Promise<void> {
  await recordControlEvent(tx, {
    action,
    memberId: caller.memberId,
    actor: caller.email,
    clientId: caller.clientId,
    approval: row.id,
    ofMember: row.memberId,
    ofTool: row.tool,
    ofArguments: row.argumentsHash,
    rules: row.demands.map(({ ruleId }) => ruleId),
    ...detail,
  });
}
