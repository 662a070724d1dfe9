import type { BudgetView, PageQuery } from '@conducktor/contracts';
import { findBudget, listBudgets as list, type BudgetRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { SEES_ALL } from '../usage/count-usage.js';
import { budgetView } from './budget-view.js';

/** Those in force. What a budget of several people has left says what the others do, as usage does. */
export async function listBudgets(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  query: PageQuery,
): Promise<Page<BudgetView>> {
  const page = await pageBy(
    query,
    (row: BudgetRow) => row.id,
    (after, take) =>
      db.withTenant(caller.tenantId, (tx) => list(tx, { after, take, ofMember: onlyOf(caller) })),
  );
  return { ...page, items: page.items.map(budgetView) };
}

export async function getBudget(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
): Promise<BudgetView> {
  const row = await db.withTenant(caller.tenantId, (tx) => findBudget(tx, id, onlyOf(caller)));
  return budgetView(found(row, 'budget'));
}

/** Whose budgets a caller sees; undefined: everybody's. */
export const onlyOf = ({ roles, memberId }: Caller): string | undefined =>
  roles.some((each) => SEES_ALL.has(each)) ? undefined : memberId;
