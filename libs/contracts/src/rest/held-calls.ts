import { z } from 'zod';
import { idOf, Timestamp } from './common.js';

/** A call with a price that ended without anybody knowing whether it was carried out. */
export const HeldCallView = z
  .object({
    callId: idOf('call'),
    /** When it ended as unknown. */
    at: Timestamp,
    /** What it holds at its budgets until it is reconciled. */
    reservedMicros: z.int(),
    /** Ids of its budgets. */
    budgets: z.array(z.string()),
    /** Null until its record is sealed, half a second later, and where that is kept no more. */
    calledAt: Timestamp.nullable(),
    tool: z.string().nullable(),
    connection: z.string().nullable(),
    memberId: z.string().nullable(),
    actor: z.string().nullable(),
    client: z.string().nullable(),
  })
  .meta({ id: 'HeldCall' });
export type HeldCallView = z.infer<typeof HeldCallView>;

export const Reconciliation = z
  .strictObject({
    /** What it cost; at most what it reserved. The rest is free again. Instead of `release`. */
    costMicros: z.int().min(0).optional(),
    /** It was not carried out, and costs nothing. Instead of `costMicros`. */
    release: z.literal(true).optional(),
    reason: z.string().trim().min(1).max(500),
  })
  .refine(
    ({ costMicros, release }) => (costMicros === undefined) !== (release === undefined),
    'needs either "costMicros" or "release": true',
  );
export type Reconciliation = z.infer<typeof Reconciliation>;

export const Reconciled = z
  .object({
    callId: idOf('call'),
    reservedMicros: z.int(),
    costMicros: z.int(),
    releasedMicros: z.int(),
  })
  .meta({ id: 'ReconciledCall' });
export type Reconciled = z.infer<typeof Reconciled>;
