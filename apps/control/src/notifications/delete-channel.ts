import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

/** Removes a channel with what it holds, and with its messages: those that wait are not sent. */
export async function deleteChannel(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const { name } = found(
      await tx.notificationChannel.findUnique({ where, select: { name: true } }),
      'channel',
    );
    await tx.notificationChannel.delete({ where, select: { id: true } });
    await recordChange(tx, caller, 'notification-channel.delete', { channelId: id, name });
  });
}
