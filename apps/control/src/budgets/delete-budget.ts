import {
  deleteBudget as remove,
  holdBudget,
  insertBudgetChange,
  recordControlEvent,
} from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

/** Calls reserve at it no longer; those under way settle at it as they would have. */
export async function deleteBudget(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { memberId, email, clientId } = caller;
  await db.withTenant(caller.tenantId, async (tx) => {
    const { limitMicros, scopeKind, scopeId } = found(await holdBudget(tx, id), 'budget');
    await remove(tx, id);
    await insertBudgetChange(tx, id, {
      memberId,
      actor: email,
      fromMicros: limitMicros,
      toMicros: null,
    });
    await recordControlEvent(tx, {
      action: 'budget.delete',
      memberId,
      actor: email,
      clientId,
      budgetId: id,
      scope: { kind: scopeKind, ...(scopeId !== null && { id: scopeId }) },
      limitMicros,
    });
  });
}
