import type { TenantTx } from '@conducktor/db';
import { NotificationEvent } from './event.js';

/**
 * Writes `event` into the outbox in the caller's transaction: it is told if that commits, and not if it
 * does not. The same kind of the same subject is one event however often this is called. The sender of the
 * control service makes letters and deliveries of it, each once. What the database does itself it tells by
 * the same function, in a trigger of `approval_request`. Throws for an event that its schema does not know.
 */
export async function notify(
  tx: Pick<TenantTx, 'tenantId' | 'query'>,
  event: NotificationEvent,
): Promise<void> {
  const known = NotificationEvent.parse(event);
  await tx.query('select notify_event($1, $2, $3, $4)', [
    tx.tenantId,
    known.kind,
    known.subjectId,
    JSON.stringify('detail' in known ? known.detail : {}),
  ]);
}
