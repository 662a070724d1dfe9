import type { NotificationChannelView, PageQuery } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { CHANNEL, channelView } from './channel-view.js';

export async function listChannels(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<NotificationChannelView>> {
  const page = await pageBy(
    query,
    (row: { id: string }) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.notificationChannel.findMany({
          where: { tenantId, ...(after === undefined ? {} : { id: { gt: after } }) },
          select: CHANNEL,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(channelView) };
}

export async function getChannel(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  id: string,
): Promise<NotificationChannelView> {
  const row = await prisma.withTenant(tenantId, (tx) =>
    tx.notificationChannel.findUnique({
      where: { tenantId_id: { tenantId, id } },
      select: CHANNEL,
    }),
  );
  return channelView(found(row, 'channel'));
}
