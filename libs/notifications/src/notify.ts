import type { PrismaTx, TenantTx } from '@conducktor/db';
import { NotificationEvent } from './event.js';

/** The transaction that does what people are told of: plain SQL (gateway, control) or Prisma (control). */
export type NotifyTx =
  | Pick<TenantTx, 'tenantId' | 'query'>
  | { tenantId: string; prisma: Pick<PrismaTx, '$executeRaw'> };

/**
 * Writes `event` into the outbox in the caller's transaction: it is told if that commits, and not if it
 * does not. The same kind of the same subject is one event however often this is called. The sender of the
 * control service makes letters and deliveries of it, each once.
 *
 * The gateway calls it with its own transaction and role:
 * `await notify(tx, { kind: 'approval.requested', subjectId })`. Who is inside a SQL function already
 * says `perform notify_event(tenant, 'approval.executed', request, jsonb_build_object('outcome', …))`,
 * which is all that this does. Throws for an event that its schema does not know.
 */
export async function notify(tx: NotifyTx, event: NotificationEvent): Promise<void> {
  const known = NotificationEvent.parse(event);
  const detail = JSON.stringify('detail' in known ? known.detail : {});
  if ('prisma' in tx) {
    await tx.prisma.$executeRaw`
      select notify_event(${tx.tenantId}, ${known.kind}, ${known.subjectId}, ${detail}::jsonb)::text`;
    return;
  }
  await tx.query('select notify_event($1, $2, $3, $4)', [
    tx.tenantId,
    known.kind,
    known.subjectId,
    detail,
  ]);
}
