import { ConducktorError } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayManage } from './may-manage.js';
import { inTurn, requireAnOwner } from './owners.js';

/**
 * Takes a person out of the workspace: their apps and keys here are revoked and stop within a second,
 * they leave their groups and lose what was given beyond their roles. The row stays, because records
 * name it and its key opens what they hold. Anybody may leave; others are removed by owners and admins.
 */
export async function removeMember(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  const own = id === caller.memberId;
  if (!own && !caller.roles.some((each) => each === 'owner' || each === 'admin'))
    throw new ConducktorError(
      'forbidden',
      'Permission denied: only owners and admins remove other members.',
    );
  await prisma.withTenant(tenantId, async (tx) => {
    await inTurn(tx, tenantId);
    const where = { tenantId_id: { tenantId, id } };
    const member = found(
      await tx.member.findUnique({ where: { ...where, removedAt: null } }),
      'member',
    );
    if (!own) requireMayManage(caller, member.roles);
    const at = new Date();
    await tx.member.update({
      where,
      data: { removedAt: at, disabledAt: member.disabledAt ?? at, permissions: [] },
    });
    await requireAnOwner(tx, tenantId);
    const live = { tenantId, memberId: id, revokedAt: null };
    const keys = await tx.apiKey.updateMany({ where: live, data: { revokedAt: at } });
    const apps = await tx.oauthGrant.updateMany({ where: live, data: { revokedAt: at } });
    await tx.groupMembership.deleteMany({ where: { tenantId, memberId: id } });
    await recordChange(tx, caller, 'member.remove', {
      subject: id,
      email: member.email,
      roles: member.roles,
      keysRevoked: keys.count,
      appsRevoked: apps.count,
    });
  });
}
