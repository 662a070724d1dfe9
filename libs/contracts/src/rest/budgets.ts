import { z } from 'zod';
import { idOf, Timestamp } from './common.js';

/** Whose calls a budget counts. */
export const BudgetScopeKind = z.enum(['tenant', 'group', 'user', 'client', 'connection', 'tool']);
export type BudgetScopeKind = z.infer<typeof BudgetScopeKind>;

/** By the calendar of the workspace's zone; `rolling-30d` counts by the hour. */
export const BudgetPeriod = z.enum(['day', 'week', 'month', 'rolling-30d']);
export type BudgetPeriod = z.infer<typeof BudgetPeriod>;

// Far below 2^53, where integers of JSON end.
const LimitMicros = z.int().min(0).max(1_000_000_000_000_000);

const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{C}]*$/u, 'must be one line of visible text');

/** Per cent of the limit at which people are told. */
const Thresholds = z
  .array(z.int().min(1).max(100))
  .max(10)
  .transform((all) => [...new Set(all)].toSorted((a, b) => a - b));

const Scope = z
  .strictObject({
    kind: BudgetScopeKind,
    /**
     * A group by id or name, a user by member id, a client by its client id or the id of an API key, a
     * connection by id or slug, a tool by id or the name it is shown under. None for `tenant`.
     */
    id: z.string().min(1).max(2_048).optional(),
  })
  .superRefine(({ kind, id }, context) => {
    if ((kind === 'tenant') === (id === undefined)) return;
    context.addIssue({
      code: 'custom',
      path: ['id'],
      message: kind === 'tenant' ? 'is not for the kind "tenant"' : `must say which ${kind}`,
    });
  });

export const NewBudget = z.strictObject({
  scope: Scope,
  period: BudgetPeriod,
  /** Millionths of the workspace's currency; 0 lets no priced call through. */
  limitMicros: LimitMicros,
  name: Name.optional(),
  thresholds: Thresholds.default([50, 80, 100]),
  /** Whether people are told, too, when the limit will be reached before the period ends. */
  forecast: z.boolean().default(true),
});
export type NewBudget = z.infer<typeof NewBudget>;

/** Scope and period stay as they are: for others there is another budget. */
export const BudgetPatch = z.strictObject({
  limitMicros: LimitMicros.optional(),
  /** Null takes it away. */
  name: Name.nullable().optional(),
  thresholds: Thresholds.optional(),
  forecast: z.boolean().optional(),
});
export type BudgetPatch = z.infer<typeof BudgetPatch>;

export const BudgetView = z
  .object({
    id: idOf('bud'),
    name: z.string().nullable(),
    scope: z.object({
      kind: BudgetScopeKind,
      id: z.string().nullable(),
      /** What people call it; null for the workspace, for a client, and where nobody knows it any more. */
      name: z.string().nullable(),
      /** Removed, revoked or expired: no call can count against this budget any more. */
      isGone: z.boolean().meta({
        description:
          'What it counts the calls of was removed, revoked or has expired: it counts nothing more',
      }),
    }),
    period: BudgetPeriod,
    /** Of the period that runs now, as are all amounts here. Null: of 30 days up to now. */
    periodEnd: Timestamp.nullable(),
    periodStart: Timestamp,
    /** ISO 4217. */
    currency: z.string(),
    limitMicros: z.int(),
    /** Charged in this period, with `openingMicros`. */
    spentMicros: z.int(),
    /** Reserved by calls under way, and by calls of which nobody knows how they ended. */
    heldMicros: z.int(),
    /** What calls can still reserve. */
    remainingMicros: z.int(),
    /** What had been charged in this period before the budget was made. */
    openingMicros: z.int(),
    /** What will be spent by the period's end, at the pace so far. Null while it is too early to say. */
    forecastMicros: z.int().nullable(),
    thresholds: z.array(z.int()),
    forecast: z.boolean(),
    /** When a call was first refused for it, in this period and at this limit. */
    refusedAt: Timestamp.nullable(),
    createdAt: Timestamp,
    /** It refuses nothing any more; its history stays. */
    deletedAt: Timestamp.nullable(),
  })
  .meta({ id: 'Budget' });
export type BudgetView = z.infer<typeof BudgetView>;

const BudgetPeriodView = z
  .object({
    start: Timestamp,
    end: Timestamp.nullable(),
    limitMicros: z.int(),
    spentMicros: z.int(),
    heldMicros: z.int(),
    openingMicros: z.int(),
    refusedAt: Timestamp.nullable(),
  })
  .meta({ id: 'BudgetPeriod' });

const BudgetChangeView = z
  .object({
    at: Timestamp,
    memberId: z.string(),
    actor: z.string(),
    /** Null: it was made. */
    fromMicros: z.int().nullable(),
    /** Null: it was deleted. */
    toMicros: z.int().nullable(),
  })
  .meta({ id: 'BudgetChange' });

export const BudgetHistory = z
  .object({
    /** Periods in which calls with a price came, newest first. */
    items: z.array(BudgetPeriodView),
    nextCursor: z.string().nullable().meta({ description: 'Pass as ?cursor= for the next page' }),
    /** Of the limit: the newest 200, newest first. */
    changes: z.array(BudgetChangeView),
  })
  .meta({ id: 'BudgetHistory' });
export type BudgetHistory = z.infer<typeof BudgetHistory>;
