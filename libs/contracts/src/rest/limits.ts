import { z } from 'zod';
import { idOf, Timestamp } from './common.js';

/** Whose calls a limit counts. */
export const LimitKind = z.enum(['member', 'client', 'connection', 'tool']);
export type LimitKind = z.infer<typeof LimitKind>;

/** So many calls in so many seconds. All of them may come at once; they come back evenly. */
export const CallAllowance = z.strictObject({
  limit: z.int().min(1).max(1_000_000),
  seconds: z.int().min(1).max(86_400),
});
export type CallAllowance = z.infer<typeof CallAllowance>;

/** A call must be within each of them. */
const Allowances = z
  .array(CallAllowance)
  .min(1)
  .max(3)
  .refine(
    (all) => new Set(all.map(({ seconds }) => seconds)).size === all.length,
    'names a number of seconds twice',
  );

export const NewLimit = z.strictObject({
  scope: z
    .strictObject({
      kind: LimitKind,
      /**
       * A member by id; a client by its client id, or the id of an API key; a connection by id or slug; a
       * tool by id or the name it is shown under. Instead of `each`.
       */
      id: z.string().min(1).max(2048).optional(),
      /** Every one of the kind, each for itself. Instead of `id`. */
      each: z.literal(true).optional(),
    })
    .refine(
      ({ id, each }) => (id === undefined) !== (each === undefined),
      'needs either "id" or "each": true',
    ),
  allowances: Allowances,
});
export type NewLimit = z.infer<typeof NewLimit>;

/** Whose calls are counted stays as it is: for others there is another limit. */
export const LimitPatch = z.strictObject({ allowances: Allowances });
export type LimitPatch = z.infer<typeof LimitPatch>;

export const LimitView = z
  .object({
    id: idOf('lim'),
    scope: z.object({
      kind: LimitKind,
      id: z.string().optional(),
      /** What people call it; null where it is gone, and the limit counts nothing. */
      name: z.string().nullable().optional(),
      each: z.literal(true).optional(),
    }),
    /** Shortest window first. */
    allowances: z.array(CallAllowance),
    createdAt: Timestamp,
  })
  .meta({ id: 'Limit' });
export type LimitView = z.infer<typeof LimitView>;
