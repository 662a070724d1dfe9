import type { BudgetView } from '@conducktor/contracts';
import type { BudgetRow } from '@conducktor/db';

export function budgetView(row: BudgetRow): BudgetView {
  const { limitMicros, spentMicros, heldMicros } = row;
  return {
    id: row.id,
    name: row.name,
    scope: {
      kind: row.scopeKind,
      id: row.scopeId,
      name: row.scopeName,
      isGone: row.scopeGone,
    },
    period: row.period,
    periodStart: row.periodStart.toISOString(),
    periodEnd: row.periodEnd?.toISOString() ?? null,
    currency: row.currency,
    limitMicros,
    spentMicros,
    heldMicros,
    // A limit may have been lowered to less than was spent.
    remainingMicros: Math.max(0, limitMicros - spentMicros - heldMicros),
    openingMicros: row.openingMicros,
    forecastMicros: row.forecastMicros,
    thresholds: row.thresholds,
    forecast: row.forecast,
    refusedAt: row.refusedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    deletedAt: row.deletedAt?.toISOString() ?? null,
  };
}
