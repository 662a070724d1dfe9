import {
  ConducktorError,
  type NotificationDeliveryQuery,
  type NotificationDeliveryView,
} from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';

const withEvent = {
  event: { select: { kind: true, subjectId: true } },
} satisfies Prisma.NotificationDeliveryInclude;
type Row = Prisma.NotificationDeliveryGetPayload<{ include: typeof withEvent }>;

function toView(row: Row): NotificationDeliveryView {
  return {
    id: row.id,
    eventId: row.eventId,
    kind: row.event.kind,
    subjectId: row.event.subjectId,
    channelId: row.channelId,
    state: row.state as NotificationDeliveryView['state'],
    attempts: row.attempts,
    reason: row.lastError,
    nextAttemptAt: row.state === 'pending' ? row.nextAt.toISOString() : null,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** Messages to channels; `state=dead`: those that were given up, with the reason. */
export async function listDeliveries(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: NotificationDeliveryQuery,
): Promise<Page<NotificationDeliveryView>> {
  const page = await pageBy(
    query,
    (row: Row) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.notificationDelivery.findMany({
          where: {
            tenantId,
            ...(query.state === undefined ? {} : { state: query.state }),
            ...(after === undefined ? {} : { id: { gt: after } }),
          },
          include: withEvent,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(toView) };
}

/** Has a dead letter sent anew, under the id that it had: `conflict` for one that is not dead. */
export async function retryDelivery(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<NotificationDeliveryView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const row = found(await tx.notificationDelivery.findUnique({ where }), 'delivery');
    const { count } = await tx.notificationDelivery.updateMany({
      where: { tenantId, id, state: 'dead' },
      data: {
        state: 'pending',
        attemptsBefore: row.attempts,
        nextAt: new Date(),
        endedAt: null,
      },
    });
    if (count === 0)
      throw new ConducktorError(
        'conflict',
        `This message is ${row.state}; only a dead one is sent anew.`,
      );
    await tx.$executeRaw`select pg_notify('notification', '')::text`;
    await recordChange(tx, caller, 'notification.retry', { deliveryId: id });
    return toView(
      found(await tx.notificationDelivery.findUnique({ where, include: withEvent }), 'delivery'),
    );
  });
}
