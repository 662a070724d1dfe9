import {
  ConducktorError,
  type NotificationChannelPatch,
  type NotificationChannelView,
} from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { unlessTaken } from '../http/unique.js';
import { openChannel, sealChannel } from './channel-secrets.js';
import { CHANNEL, channelView } from './channel-view.js';

/**
 * Changes what is given; address and secret given replace those stored. Messages that wait go to the
 * channel as it is when they are sent.
 */
export async function updateChannel(
  { prisma, vault }: Pick<Control, 'prisma' | 'vault'>,
  caller: Caller,
  id: string,
  patch: NotificationChannelPatch,
): Promise<NotificationChannelView> {
  const { tenantId } = caller;
  const { url, secret, enabled, ...plain } = patch;
  return unlessTaken(`There is a channel "${patch.name}" in this workspace already.`, () =>
    prisma.withTenant(tenantId, async (tx) => {
      await tx.$queryRaw`
        select from notification_channel where tenant_id = ${tenantId} and id = ${id} for update`;
      const where = { tenantId_id: { tenantId, id } };
      const row = found(await tx.notificationChannel.findUnique({ where }), 'channel');
      if (secret !== undefined && row.kind !== 'webhook')
        throw new ConducktorError('invalid_request', '"secret": a Slack channel has none.');
      const stored = await openChannel(vault, tenantId, id, row.sealed);
      const sealed = await sealChannel(vault, tenantId, id, {
        url: url ?? stored.url,
        secret: secret ?? stored.secret,
      });
      const changes = { ...plain, ...(url === undefined ? {} : { host: new URL(url).host }) };
      const updated = await tx.notificationChannel.update({
        where,
        data: {
          ...changes,
          ...(url !== undefined || secret !== undefined ? { sealed } : {}),
          ...(enabled === undefined ? {} : { disabledAt: enabled ? null : new Date() }),
        },
        select: CHANNEL,
      });
      await recordChange(tx, caller, 'notification-channel.update', {
        channelId: id,
        ...changes,
        ...(enabled === undefined ? {} : { enabled }),
        ...(url === undefined ? {} : { addressReplaced: true }),
        ...(secret === undefined ? {} : { secretReplaced: true }),
      });
      return channelView(updated);
    }),
  );
}
