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
  | { verdict: 'not-approved' };

/** How an admitted call ended. */
export interface Settlement {
  key: JournalKey;
  tenantId: string;
  callId: string;
  /** `reserved`: as much as the call reserved, which whoever brings its outcome need not know. */
  costMicros: number | 'reserved';
  record: string;
  /** The sealed answer kept for later calls with the same idempotency key. */
  answer?: { hash: string; sealed: string };
  /** The call used up an approval, which ends with this. `Journal.settle` puts it in. */
  endsApproval?: true;
}
