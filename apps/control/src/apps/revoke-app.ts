import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayManage } from '../members/may-manage.js';
import { managesAllApps } from './whose-apps.js';

/** Ends what a person allowed a client to do; one that is revoked already stays as it is. */
export async function revokeApp(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const row = found(
      await tx.oauthGrant.findUnique({ where, include: { member: true } }),
      'connected app',
    );
    const own = row.memberId === caller.memberId;
    // Whoever may not see an app is not told that it exists.
    found(own || managesAllApps(caller) ? row : null, 'connected app');
    if (!own) requireMayManage(caller, row.member.roles);
    if (row.revokedAt) return;
    await tx.oauthGrant.update({ where, data: { revokedAt: new Date() } });
    await recordChange(tx, caller, 'grant.revoke', {
      grantId: id,
      subject: row.memberId,
      app: row.clientId,
      appName: row.clientName,
    });
  });
}
