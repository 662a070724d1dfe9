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
 * second. Permissions are for owners to give: admins could otherwise give them to themselves. Who gets
 * them or becomes an owner loses keys that an admin made for them.
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
    const keysRevoked = isWidened(member, patch) ? await endWhatAdminsHold(tx, tenantId, id) : 0;
    if (patch.groups) await setGroups(tx, tenantId, id, patch.groups);
    await recordChange(tx, caller, 'member.update', {
      subject: id,
      email: member.email,
      ...patch,
      ...(keysRevoked > 0 ? { keysRevoked } : {}),
    });
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
 * Ends what would let an admin act as this member, with what only an owner may give: the link of who has
 * not joined, which an inviter is shown, and keys that others than owners made for them. Returns how many
 * keys were revoked.
 */
async function endWhatAdminsHold(tx: PrismaTx, tenantId: string, id: string): Promise<number> {
  await tx.$executeRaw`
    update invitation set expires_at = now()
     where tenant_id = ${tenantId} and member_id = ${id} and accepted_at is null`;
  const trusted = await tx.member.findMany({
    where: { tenantId, removedAt: null, OR: [{ id }, { roles: { has: 'owner' } }] },
    select: { id: true },
  });
  const { count } = await tx.apiKey.updateMany({
    where: {
      tenantId,
      memberId: id,
      revokedAt: null,
      createdBy: { notIn: trusted.map((each) => each.id) },
    },
    data: { revokedAt: new Date() },
  });
  return count;
}
