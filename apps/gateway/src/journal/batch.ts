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

/** As the functions `tick` and `tick_spend` of the database have them. */
const VERDICT = {
  written: 0,
  stale: 1,
  attached: 2,
  conflict: 3,
  notApproved: 4,
  overBudget: 5,
  noAccount: 6,
  again: 7,
} as const;

/** What a tick says of its intents, by position. */
export interface Verdicts {
  /** null: every one is written. */
  verdict: readonly number[] | null;
  /** For intents whose idempotency key another call has: that call. */
  attached?: readonly (string | null)[] | null;
  /**
   * For intents that a budget refused: position in the batch, place of the account among those that the batch
   * changes (both from 1), and its limit, spent and held; one after the other. Texts: as int8 comes from pg.
   */
  refused?: readonly (number | string)[] | null;
}

// Numbers that a refusal has in `refused`.
const REFUSAL_LENGTH = 5;

/**
 * Tells every intent of a committed tick what became of it. Returns those that go again: they had attached to
 * a call that this very tick refused.
 */
export function deliverVerdicts(
  epoch: number,
  tick: number,
  batch: Batch,
  accounts: readonly { account: number }[],
  { verdict, attached: calls, refused }: Verdicts,
): PendingIntent[] {
  const again: PendingIntent[] = [];
  const refusals = refusalsOf(accounts, refused ?? []);
  batch.intents.forEach((pending, index) => {
    const attached = calls?.[index];
    switch (verdict === null ? VERDICT.written : verdict[index]) {
      case VERDICT.written:
        return pending.resolve({ verdict: 'admitted', key: { epoch, tick, ordinal: index + 1 } });
      case VERDICT.stale:
        return pending.resolve({ verdict: 'stale' });
      case VERDICT.attached:
        return attached
          ? pending.resolve({ verdict: 'attached', callId: attached })
          : pending.reject(new Error('The tick attached a call to nothing.'));
      case VERDICT.conflict:
        return pending.resolve({ verdict: 'conflict' });
      case VERDICT.notApproved:
        return pending.resolve({ verdict: 'not-approved' });
      case VERDICT.overBudget: {
        const refusal = refusals.get(index + 1);
        return refusal
          ? pending.resolve({ verdict: 'over-budget', ...refusal })
          : pending.reject(new Error('The tick did not say which budget refused an intent.'));
      }
      case VERDICT.noAccount:
        return pending.resolve({ verdict: 'no-account' });
      case VERDICT.again:
        return void again.push(pending);
      default:
        return pending.reject(new Error('The tick returned no verdict for an intent.'));
    }
  });
  return again;
}

type BudgetRefusal = Omit<Extract<Admission, { verdict: 'over-budget' }>, 'verdict'>;

/** By position. */
function refusalsOf(
  accounts: readonly { account: number }[],
  refused: readonly (number | string)[],
): ReadonlyMap<number, BudgetRefusal> {
  const refusals = new Map<number, BudgetRefusal>();
  for (let at = 0; at < refused.length; at += REFUSAL_LENGTH) {
    const [position, place, limitMicros, spentMicros, heldMicros] = refused
      .slice(at, at + REFUSAL_LENGTH)
      .map(Number) as [number, number, number, number, number];
    const { account } = accounts[place - 1]!;
    refusals.set(position, { account, limitMicros, spentMicros, heldMicros });
  }
  return refusals;
}
