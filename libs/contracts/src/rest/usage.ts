import { z } from 'zod';
import { Instant, Timestamp } from './common.js';
import { Zone } from './zone.js';

/**
 * What calls are counted by. `group` is the caller's group now; a person in two counts in both. `decision` is
 * `allowed`, or the code of refusals.
 */
export const UsageDimension = z.enum([
  'connection',
  'tool',
  'member',
  'client',
  'group',
  'decision',
  'day',
  'hour',
]);
export type UsageDimension = z.infer<typeof UsageDimension>;

const GroupBy = z
  .string()
  .max(100)
  .default('connection')
  .transform((text, context) => {
    const names = text.split(',').map((name) => name.trim());
    const parsed = z.array(UsageDimension).min(1).max(4).safeParse(names);
    if (parsed.success && new Set(names).size === names.length) return parsed.data;
    context.addIssue({
      code: 'custom',
      message: `must be up to 4 different ones of ${UsageDimension.options.join(', ')}, with commas`,
    });
    return z.NEVER;
  });

export const UsageQuery = z.strictObject({
  groupBy: GroupBy.meta({ description: `Of ${UsageDimension.options.join(', ')}, with commas` }),
  /** Defaults to the full hour 30 days before `until`; at most 366 days. */
  since: Instant.optional(),
  /** Defaults to now. */
  until: Instant.optional(),
  /** IANA name of the zone whose days and hours are meant; the workspace's own when left out. */
  zone: Zone.optional(),
  /** Slug. */
  connection: z.string().min(1).max(64).optional(),
  /** Shown name. */
  tool: z.string().min(1).max(64).optional(),
  /** Member id. */
  member: z.string().min(1).max(64).optional(),
  client: z.string().min(1).max(2_048).optional(),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

const counts = {
  /** Calls that were allowed, whatever came of them. */
  calls: z.int(),
  /** Of these: ended as error, timeout, unavailable or unknown. */
  errors: z.int(),
  /** Refused before anything was sent; not among `calls`. */
  denied: z.int(),
  /** What the ledger says was charged for these calls. */
  costMicros: z.int(),
  /** What is reserved for those of them that have not ended, or whose outcome is unknown. */
  heldMicros: z.int(),
  /** Median and 95th percentile of how long calls took, within 5 %; null where none has ended. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
};

export const UsageItem = z
  .object({
    connection: z.string().nullable().optional(),
    tool: z.string().nullable().optional(),
    member: z.object({ id: z.string().nullable(), actor: z.string().nullable() }).optional(),
    client: z.string().nullable().optional(),
    group: z.string().nullable().optional(),
    /** `allowed`, or the code of refusals. */
    decision: z.string().optional(),
    /** `2026-11-23` */
    day: z.string().optional(),
    /** `2026-11-23T10:00`, in the zone asked for */
    hour: z.string().optional(),
    ...counts,
  })
  .meta({ id: 'UsageItem' });
export type UsageItem = z.infer<typeof UsageItem>;

export const UsageReport = z
  .object({
    /** As counted: on full hours where single calls are not kept any more. */
    since: Timestamp,
    until: Timestamp,
    zone: z.string(),
    /** ISO 4217; amounts are millionths of its major unit. */
    currency: z.string(),
    items: z.array(UsageItem),
    /** Always null: a report comes whole. */
    nextCursor: z.null(),
    /** Over all calls of the report, each once. */
    totals: z.object(counts),
  })
  .meta({ id: 'UsageReport' });
export type UsageReport = z.infer<typeof UsageReport>;
