import type { TenantTx } from '../db.js';

/** What someone did on the control plane, for the audit sequence of the transaction's workspace. */
export interface ControlEvent {
  /** What was done, as `<thing>.<verb>`: `grant.create`. */
  action: string;
  memberId?: string;
  /** The person's address, or the name of the process. */
  actor: string;
  clientId?: string;
  [detail: string]: unknown;
}

/** Written in the transaction that did it: either both stand or neither. */
export async function recordControlEvent(tx: TenantTx, event: ControlEvent): Promise<void> {
  await tx.query('insert into audit_outbox (tenant_id, record) values ($1, $2)', [
    tx.tenantId,
    event,
  ]);
}
