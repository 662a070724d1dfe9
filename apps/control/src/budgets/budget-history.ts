import type { BudgetHistory, PageQuery } from '@conducktor/contracts';
import { budgetChanges, budgetPeriods, findBudget, type BudgetPeriodRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy } from '../http/pages.js';
import { onlyOf } from './read-budgets.js';

const MOST_CHANGES = 200;

/** Periods newest first, with the limit that each had last. */
export async function budgetHistory(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
  query: PageQuery,
): Promise<BudgetHistory> {
  return db.withTenant(caller.tenantId, async (tx) => {
    found(await findBudget(tx, id, onlyOf(caller)), 'budget');
    const page = await pageBy(
      query,
      (row: BudgetPeriodRow) => String(row.index),
      (after, take) => budgetPeriods(tx, id, { before: indexOf(after), take }),
    );
    const changes = await budgetChanges(tx, id, MOST_CHANGES);
    return {
      ...page,
      items: page.items.map(({ index: _index, start, end, refusedAt, ...amounts }) => ({
        ...amounts,
        start: start.toISOString(),
        end: end?.toISOString() ?? null,
        refusedAt: refusedAt?.toISOString() ?? null,
      })),
      changes: changes.map(({ at, ...change }) => ({ ...change, at: at.toISOString() })),
    };
  });
}

const indexOf = (text: string | undefined) =>
  text === undefined ? undefined : /^\d{1,5}$/.test(text) ? Number(text) : 0;
