import type { ControlEvent, PrismaTx } from '@conducktor/db';
import type { Caller } from '../http/caller.js';

/**
 * Writes what was done, by whom and with what, in the transaction that does it. `detail` holds
 * what a reader needs to understand the change, and never a secret.
 */
export async function recordChange(
  tx: PrismaTx,
  caller: Caller,
  action: string,
  detail: Record<string, unknown>,
): Promise<void> {
  const record: ControlEvent = {
    action,
    memberId: caller.memberId,
    actor: caller.email,
    clientId: caller.clientId,
    ...detail,
  };
  // createMany, because this role may write the outbox and not read it.
  await tx.auditOutbox.createMany({
    data: [{ tenantId: caller.tenantId, record: record as object }],
  });
}
