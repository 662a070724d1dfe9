import {
  ConducktorError,
  newId,
  type NewNotificationChannel,
  type NotificationChannelView,
} from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { sealChannel } from './channel-secrets.js';
import { CHANNEL, channelView } from './channel-view.js';

const MAX_CHANNELS = 20;

/** Stores a channel, its address and secret sealed. Nothing is sent; `conflict` beyond twenty. */
export async function createChannel(
  { prisma, vault }: Pick<Control, 'prisma' | 'vault'>,
  caller: Caller,
  wanted: NewNotificationChannel,
): Promise<NotificationChannelView> {
  const { tenantId } = caller;
  const { kind, name, url, events, showArguments } = wanted;
  const id = newId('nch');
  const secret = wanted.kind === 'webhook' ? wanted.secret : undefined;
  const sealed = await sealChannel(vault, tenantId, id, { url, secret });
  const shown = { kind, name, host: new URL(url).host, events, showArguments };
  return unlessTaken(`There is a channel "${name}" in this workspace already.`, () =>
    prisma.withTenant(tenantId, async (tx) => {
      // One after the other, so that the count holds.
      await tx.$queryRaw`select from tenant where id = ${tenantId} for update`;
      if ((await tx.notificationChannel.count({ where: { tenantId } })) >= MAX_CHANNELS)
        throw new ConducktorError(
          'conflict',
          `A workspace has at most ${MAX_CHANNELS} channels. Delete one first.`,
        );
      const row = await tx.notificationChannel.create({
        data: { tenantId, id, sealed, ...shown },
        select: CHANNEL,
      });
      await recordChange(tx, caller, 'notification-channel.create', { channelId: id, ...shown });
      return channelView(row);
    }),
  );
}
