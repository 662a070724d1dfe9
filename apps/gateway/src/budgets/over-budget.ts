import { accountOf, amountText, type BudgetPeriod } from '@conducktor/budget';
import type { Admission } from '../journal/types.js';
import { aboutCall } from '../tool-call/decide.js';
import { Refusal } from '../tool-call/refusal.js';
import type { ClearedCall } from '../tool-call/types.js';

const PERIODS: Record<BudgetPeriod, string> = {
  day: 'Daily',
  week: 'Weekly',
  month: 'Monthly',
  'rolling-30d': '30-day',
};

/** The refusal of a call for which a budget has no room, with what the budget held at that moment. */
export function overBudget(
  call: ClearedCall,
  full: Extract<Admission, { verdict: 'over-budget' }>,
): Refusal {
  const { workspace } = call.caller;
  const budget = workspace.budgets?.find(accountOf(full.account).number);
  const period = PERIODS[budget?.period ?? 'month'];
  const limit = amountText(full.limitMicros, workspace.currency);
  return new Refusal(
    'budget_exceeded',
    `Operation blocked: ${period} budget limit reached (${limit})`,
    {
      ...aboutCall(call, undefined),
      ...(call.approval && { approval: call.approval.id }),
      budget: {
        id: budget?.id ?? '',
        limitMicros: full.limitMicros,
        spentMicros: full.spentMicros,
        heldMicros: full.heldMicros,
        neededMicros: call.quote.reservedMicros,
      },
    },
  );
}
