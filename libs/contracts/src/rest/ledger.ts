import { z } from 'zod';
import { Instant, Timestamp } from './common.js';

const Side = z.enum(['available', 'held', 'spent']);

export const LedgerQuery = z.strictObject({
  format: z.enum(['json', 'ndjson', 'csv']).default('json'),
  /** Entries from this moment on; all when left out. */
  since: Instant.optional(),
  /** Entries before this moment; those of now when left out. */
  until: Instant.optional(),
});
export type LedgerQuery = z.infer<typeof LedgerQuery>;

/** One movement of money: `amountMicros` leaves `debit` and comes to `credit`. */
export const LedgerEntry = z
  .object({
    /** Place of the event in the audit sequence that it was made from, and which entry of that event it is. */
    seq: z.int(),
    line: z.int(),
    at: Timestamp,
    /**
     * `reserve` at the call; `settle` and `release` at its outcome; `correct` when somebody said what a call of
     * unknown outcome had cost.
     */
    kind: z.enum(['reserve', 'settle', 'release', 'correct']),
    debit: Side,
    credit: Side,
    amountMicros: z.int(),
    /** The same in the currency, with six decimals. */
    amount: z.string(),
    currency: z.string(),
    callId: z.string(),
    calledAt: Timestamp,
    connection: z.string().nullable(),
    tool: z.string().nullable(),
    memberId: z.string().nullable(),
    client: z.string().nullable(),
    /** Budgets that it counts at. */
    budgets: z.array(z.string()),
    /** `reason` of a correction; `overMax` where the price was more than the tool's maximum. */
    note: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'LedgerEntry' });
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** The end of an export. Without it the export was cut off. */
export const LedgerTrailer = z.object({
  complete: z.literal(true),
  entries: z.int(),
  /** Up to this place of the audit sequence the ledger was written when the export began. */
  postedSeq: z.int(),
  /** What came to each side less what left it, in micros, as decimal text; together always 0. */
  balances: z.record(Side, z.string()),
});
export type LedgerTrailer = z.infer<typeof LedgerTrailer>;
