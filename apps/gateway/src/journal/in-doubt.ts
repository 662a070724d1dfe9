import type { JournalKey } from '@conducktor/contracts';
import type { Batch, PendingSettlement } from './batch.js';
import type { EpochClosing } from './epoch-closing.js';
import type { Intent } from './types.js';

/**
 * What becomes of a tick whose session was lost while it committed. What was committed is an open call
 * of this epoch once it is closed. Its intents were refused and never sent, so they end as such and their
 * idempotency keys are free again; the outcomes are settled late, which does nothing a second time.
 */
export function holdInDoubt(
  closing: EpochClosing,
  epoch: number,
  tick: number,
  { intents, settlements }: Batch,
): void {
  closing.freeKeys(
    epoch,
    intents.map((pending) => pending.intent),
  );
  intents.forEach(({ intent }, index) => {
    if (intent.admitted) closing.hold(notSent(intent, { epoch, tick, ordinal: index + 1 }));
  });
  holdLate(closing, settlements);
}

/** Keeps outcomes until the epoch of their calls is closed. */
export function holdLate(closing: EpochClosing, settlements: PendingSettlement[]): void {
  for (const pending of settlements) closing.hold({ ...pending, late: true });
}

function notSent(intent: Intent, key: JournalKey): PendingSettlement {
  return {
    late: true,
    resolve: () => {},
    settlement: {
      key,
      tenantId: intent.tenantId,
      callId: intent.callId,
      costMicros: 0,
      record: JSON.stringify({ at: new Date().toISOString(), outcome: 'not_sent', durationMs: 0 }),
    },
  };
}
