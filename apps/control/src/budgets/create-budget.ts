import { ConducktorError, newId, type BudgetView, type NewBudget } from '@conducktor/contracts';
import {
  countBudgets,
  findBudget,
  findBudgetScope,
  insertBudget,
  insertBudgetChange,
  recordControlEvent,
  type TenantTx,
} from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { budgetView } from './budget-view.js';

// They are part of every snapshot of the workspace, and a call is held to each that applies.
const MAX_BUDGETS = 200;

/**
 * Puts a budget in force: every priced call that is admitted from then on reserves at it. What was charged in
 * its scope before, in the period that runs, counts as spent; a call under way counts in no way.
 */
export async function createBudget(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  { scope, ...wanted }: NewBudget,
): Promise<BudgetView> {
  const id = newId('bud');
  return db.withTenant(caller.tenantId, async (tx) => {
    if ((await countBudgets(tx)) >= MAX_BUDGETS)
      throw new ConducktorError(
        'conflict',
        `A workspace has at most ${MAX_BUDGETS} budgets. Delete one first.`,
      );
    const scopeId = await idOfScope(tx, scope);
    await insertBudget(tx, { ...wanted, id, scopeKind: scope.kind, scopeId });
    const { memberId, email, clientId } = caller;
    await insertBudgetChange(tx, id, {
      memberId,
      actor: email,
      fromMicros: null,
      toMicros: wanted.limitMicros,
    });
    await recordControlEvent(tx, {
      action: 'budget.create',
      memberId,
      actor: email,
      clientId,
      budgetId: id,
      scope: { kind: scope.kind, ...(scopeId !== null && { id: scopeId }) },
      ...wanted,
    });
    return budgetView((await findBudget(tx, id))!);
  });
}

async function idOfScope(tx: TenantTx, { kind, id }: NewBudget['scope']): Promise<string | null> {
  if (kind === 'tenant' || id === undefined) return null;
  return found(await findBudgetScope(tx, kind, id), kind);
}
