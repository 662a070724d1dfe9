import { ConducktorError, type Reconciled, type Reconciliation } from '@conducktor/contracts';
import { heldMicros, reconcileHeldCall } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

/**
 * Ends the hold of a call whose outcome is unknown, once: what it cost is charged at its budgets, the rest is
 * free, and the ledger and the audit events have it with who said so and why.
 */
export async function reconcileCall(
  { db }: Pick<Control, 'db'>,
  { tenantId, memberId, email, clientId }: Caller,
  callId: string,
  said: Reconciliation,
): Promise<Reconciled> {
  return db.withTenant(tenantId, async (tx) => {
    const reservedMicros = found(await heldMicros(tx, callId), 'held call');
    const { costMicros = 0, reason } = said;
    if (costMicros > reservedMicros)
      throw new ConducktorError(
        'invalid_request',
        `"costMicros": this call reserved ${reservedMicros}, and no more can be charged for it.`,
      );
    const record = { memberId, actor: email, clientId, reason };
    // Somebody else, or its late outcome, may have been first.
    if (!(await reconcileHeldCall(tx, callId, costMicros, record)))
      found<never>(undefined, 'held call');
    return { callId, reservedMicros, costMicros, releasedMicros: reservedMicros - costMicros };
  });
}
