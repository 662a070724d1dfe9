import { ConducktorError, type MemberPatch, type MemberView } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { setGroups } from './groups-of.js';
import { requireMayManage } from './may-manage.js';
import { inTurn, requireAnOwner } from './owners.js';
import { memberView, toMemberView } from './read-members.js';

/**
 * Changes roles, groups, permissions or access. A disabled member's keys and tokens are dead within a
 * second. Permissions are for owners to give: admins could otherwise give them to themselves.
 */
export async function updateMember(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
  patch: MemberPatch,
): Promise<MemberView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    await inTurn(tx, tenantId);
    const where = { tenantId_id: { tenantId, id } };
    const member = found(
      await tx.member.findUnique({ where: { ...where, removedAt: null } }),
      'member',
    );
    requireMayManage(caller, [...member.roles, ...(patch.roles ?? [])]);
    if (patch.permissions && !caller.roles.includes('owner'))
      throw new ConducktorError('forbidden', 'Permission denied: only owners give permissions.');
    await tx.member.update({
      where,
      data: {
        ...(patch.roles === undefined ? {} : { roles: [...new Set(patch.roles)] }),
        ...(patch.permissions === undefined
          ? {}
          : { permissions: [...new Set(patch.permissions)] }),
        ...(patch.status === undefined
          ? {}
          : { disabledAt: patch.status === 'enabled' ? null : (member.disabledAt ?? new Date()) }),
      },
    });
    await requireAnOwner(tx, tenantId);
    if (isWidened(member, patch)) await endInvitation(tx, tenantId, id);
    if (patch.groups) await setGroups(tx, tenantId, id, patch.groups);
    await recordChange(tx, caller, 'member.update', { subject: id, email: member.email, ...patch });
    return toMemberView(await tx.member.findUniqueOrThrow({ where, include: memberView }));
  });
}

/** Whether the member gets what only an owner may give. */
function isWidened(before: { roles: string[]; permissions: string[] }, patch: MemberPatch) {
  return (
    (patch.roles?.includes('owner') && !before.roles.includes('owner')) ||
    patch.permissions?.some((each) => !before.permissions.includes(each))
  );
}

/**
 * Ends the link of a member who has not joined: an admin who invited them was shown it, and could be
 * them with it. An owner invites them again.
 */
async function endInvitation(tx: PrismaTx, tenantId: string, id: string): Promise<void> {
  await tx.$executeRaw`
    update invitation set expires_at = now()
     where tenant_id = ${tenantId} and member_id = ${id} and accepted_at is null`;
}
