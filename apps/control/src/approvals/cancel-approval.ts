import { endWaiting, mayBecome, statusAt } from '@conducktor/approvals';
import { ConducktorError, TAKEN_BACK, type ApprovalDecided } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { lockVisible } from './decide-approval.js';
import { recordApproval } from './record-approval.js';
import { tooLate } from './refusals.js';

/** Takes back one's own request, approved or not, as long as its call is not being made. */
export async function cancelApproval(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
): Promise<ApprovalDecided> {
  return db.withTenant(caller.tenantId, async (tx) => {
    const row = await lockVisible(tx, caller, id);
    if (row.memberId !== caller.memberId)
      throw new ConducktorError(
        'forbidden',
        'Permission denied: only the person who asked takes a request back. Reject it instead.',
      );
    const status = statusAt(row, new Date());
    if (!mayBecome(status, 'void')) throw tooLate(status, row.decidedReason);
    await endWaiting(tx, row, 'void', TAKEN_BACK);
    await recordApproval(tx, caller, 'approval.cancel', row, {});
    return { id: row.id, status: 'void', next: 'Taken back. Nothing is sent.' };
  });
}
