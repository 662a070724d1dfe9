import type { JournalKey } from '@conducktor/contracts';

/** A call, or a refused one, about to be written. */
export interface Intent {
  tenantId: string;
  /** tenant_version of the snapshot that decided it; another version in the database refuses it. */
  version: number;
  callId: string;
  /** false for a refusal: it is its own end and never gets an outcome. */
  admitted: boolean;
  reservedMicros: number;
  /** The budget accounts that it reserves at, all or none, each once. Absent: none. */
  budgets?: readonly number[];
  /** Unix milliseconds after which nobody can bring an outcome; null for refusals. */
  deadlineMs: number | null;
  record: string;
  idempotency?: { hash: string; argumentsHash: string };
  /** The approval that it uses up, which must have been given for just this: see `approval_bound`. */
  approval?: { id: string; bound: string };
}

export type Admission =
  | { verdict: 'admitted'; key: JournalKey }
  /** The workspace changed after the decision; nothing was written, decide again. */
  | { verdict: 'stale' }
  /** Same idempotency key and arguments: the call that has it. */
  | { verdict: 'attached'; callId: string }
  | { verdict: 'conflict' }
  /** Its approval cannot be used (any more): nothing was written. */
  | { verdict: 'not-approved' }
  /** This account has no room for it; it held this much when that was found. Nothing was written. */
  | {
      verdict: 'over-budget';
      account: number;
      limitMicros: number;
      spentMicros: number;
      heldMicros: number;
    }
  /** One of its accounts cannot be: its budget is gone, or this gateway's clock is wrong. Nothing was written. */
  | { verdict: 'no-account' };

/** How an admitted call ended. */
export interface Settlement {
  key: JournalKey;
  tenantId: string;
  callId: string;
  /**
   * Charged are at most as much as the call reserved; `reserved`: all of it, which whoever brings its outcome
   * need not know.
   */
  costMicros: number | 'reserved';
  /** What became of the call is not known: nothing is charged yet, and what it reserved stays held. */
  isUnknown?: true | undefined;
  record: string;
  /** The sealed answer kept for later calls with the same idempotency key. */
  answer?: { hash: string; sealed: string };
  /** The call used up an approval, which ends with this. `Journal.settle` puts it in. */
  endsApproval?: true;
  /** What the call reserved, and at which budget accounts. `Journal.settle` puts it in. */
  reservation?: Reservation;
}

export interface Reservation {
  micros: number;
  accounts: readonly number[];
}
