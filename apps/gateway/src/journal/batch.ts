import type { Admission, Intent, Settlement } from './types.js';

export interface PendingIntent {
  intent: Intent;
  /** As of `performance.now()`. */
  since: number;
  resolve(admission: Admission): void;
  reject(error: Error): void;
}

export interface PendingSettlement {
  settlement: Settlement;
  /** Its epoch has been closed, so it settles an open call instead of a running one. */
  late: boolean;
  resolve(): void;
}

/** What one tick carries. */
export interface Batch {
  intents: PendingIntent[];
  settlements: PendingSettlement[];
}

const WRITTEN = 0;

/** What a tick says of its intents, by position. */
export interface Verdicts {
  /** null: every one is written. */
  verdict: readonly number[] | null;
  /** For intents whose idempotency key another call has: that call. */
  attached?: readonly (string | null)[] | null;
}

/** Tells every intent of a committed tick what became of it. */
export function deliverVerdicts(
  epoch: number,
  tick: number,
  batch: Batch,
  { verdict, attached: calls }: Verdicts,
): void {
  batch.intents.forEach((pending, index) => {
    const attached = calls?.[index];
    switch (verdict === null ? WRITTEN : verdict[index]) {
      case WRITTEN:
        return pending.resolve({ verdict: 'admitted', key: { epoch, tick, ordinal: index + 1 } });
      case 1:
        return pending.resolve({ verdict: 'stale' });
      case 2:
        return attached
          ? pending.resolve({ verdict: 'attached', callId: attached })
          : pending.reject(new Error('The tick attached a call to nothing.'));
      case 3:
        return pending.resolve({ verdict: 'conflict' });
      case 4:
        return pending.resolve({ verdict: 'not-approved' });
      default:
        return pending.reject(new Error('The tick returned no verdict for an intent.'));
    }
  });
}
