import type { BudgetPatch, BudgetView } from '@conducktor/contracts';
import {
  findBudget,
  holdBudget,
  insertBudgetChange,
  recordControlEvent,
  updateBudget as update,
} from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { budgetView } from './budget-view.js';

/**
 * Changes what is given. A limit holds from the moment this is answered: what calls have reserved stays
 * theirs, also above a lower one, and nothing more is admitted until there is room.
 */
export async function updateBudget(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
  patch: BudgetPatch,
): Promise<BudgetView> {
  const { memberId, email, clientId } = caller;
  return db.withTenant(caller.tenantId, async (tx) => {
    const before = found(await holdBudget(tx, id), 'budget');
    const { limitMicros } = patch;
    await update(tx, id, patch);
    if (limitMicros !== undefined && limitMicros !== before.limitMicros)
      await insertBudgetChange(tx, id, {
        memberId,
        actor: email,
        fromMicros: before.limitMicros,
        toMicros: limitMicros,
      });
    await recordControlEvent(tx, {
      action: 'budget.update',
      memberId,
      actor: email,
      clientId,
      budgetId: id,
      ...patch,
      ...(limitMicros !== undefined && { formerLimitMicros: before.limitMicros }),
    });
    return budgetView((await findBudget(tx, id))!);
  });
}
