import { z } from 'zod';
import { BudgetPeriod, BudgetScopeKind } from './budgets.js';
import { idOf, PageQuery, Timestamp } from './common.js';

/** What alerts are given of. Each is a kind of notification too. */
export const AlertKind = z.enum([
  'budget.threshold',
  'budget.forecast',
  'spend.unusual',
  'connection.trouble',
  'connection.recovered',
]);
export type AlertKind = z.infer<typeof AlertKind>;

// All amounts are millionths of `currency`, which is of ISO 4217; all figures as they were at that moment.
const budgetFacts = {
  budgetId: idOf('bud'),
  name: z.string().nullable(),
  scope: z.object({
    kind: BudgetScopeKind,
    id: z.string().nullable(),
    /** What people call it now; null for the workspace, for a client, and where it is gone. */
    name: z.string().nullable(),
  }),
  period: BudgetPeriod,
  /** Null: the 30 days up to then. */
  periodStart: Timestamp.nullable(),
  periodEnd: Timestamp.nullable(),
  limitMicros: z.int(),
  spentMicros: z.int(),
  currency: z.string(),
};

const BudgetThresholdAlert = z.object({
  ...budgetFacts,
  /** Per cent of the limit. */
  threshold: z.int(),
  /** When a call was first refused for it; in alerts of 100 only. */
  refusedAt: Timestamp.nullable(),
});

const BudgetForecastAlert = z.object({
  ...budgetFacts,
  /** What will be spent by the end of the period at the pace so far. */
  forecastMicros: z.int(),
  /** When the limit is reached at that pace. */
  reachedAt: Timestamp,
});

const UnusualSpendAlert = z.object({
  /** Of the workspace's zone. */
  day: z.iso.date(),
  calls: z.int(),
  /** Up to this time of day, the mean of the same weekday of four weeks; null: as many as ever. */
  usualCalls: z.int().nullable(),
  costMicros: z.int(),
  usualCostMicros: z.int().nullable(),
  currency: z.string(),
  /** The connection with the largest part of it. */
  mostBy: z.object({ connection: z.string(), calls: z.int(), costMicros: z.int() }).nullable(),
});

const ConnectionTroubleAlert = z.object({
  /** Its slug. */
  connection: z.string(),
  status: z.string(),
  /** What was found when it was last reached for. */
  reason: z.string().nullable(),
  /** Null: its status is well. */
  since: Timestamp.nullable(),
  /** That ended in 15 minutes, and of them those that failed; null: not for that. */
  calls: z.int().nullable(),
  failed: z.int().nullable(),
});

const ConnectionRecoveredAlert = z.object({
  connection: z.string(),
  /** The alert that is over. */
  trouble: idOf('alr'),
  since: Timestamp,
});

const alert = <Kind extends AlertKind, Detail extends z.ZodType>(kind: Kind, detail: Detail) =>
  z.object({
    id: idOf('alr'),
    kind: z.literal(kind),
    /** The budget, the workspace or the connection. */
    subjectId: z.string(),
    at: Timestamp,
    /** Since when it is over, of what lasts; null: it is not, or it was of a moment. */
    endedAt: Timestamp.nullable(),
    /** False: a threshold passed together with a higher one, of which people were told. */
    told: z.boolean(),
    detail,
  });

export const AlertView = z
  .discriminatedUnion('kind', [
    alert('budget.threshold', BudgetThresholdAlert),
    alert('budget.forecast', BudgetForecastAlert),
    alert('spend.unusual', UnusualSpendAlert),
    alert('connection.trouble', ConnectionTroubleAlert),
    alert('connection.recovered', ConnectionRecoveredAlert),
  ])
  .meta({ id: 'Alert' });
export type AlertView = z.infer<typeof AlertView>;

export const AlertQuery = PageQuery.extend({
  kind: AlertKind.optional(),
  /** The budget, the workspace or the connection that it is about. */
  subject: z.string().min(1).max(40).optional(),
});
export type AlertQuery = z.infer<typeof AlertQuery>;
