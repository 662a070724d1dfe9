import { ConducktorError, type MemberPatch, type MemberView } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { setGroups } from './groups-of.js';
import { requireMayManage } from './may-manage.js';
import { memberView, toMemberView } from './read-members.js';

/** Changes roles, groups or access. A disabled member's keys and tokens are dead within a second. */
export async function updateMember(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
  patch: MemberPatch,
): Promise<MemberView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const member = found(await tx.member.findUnique({ where }), 'member');
    requireMayManage(caller, [...member.roles, ...(patch.roles ?? [])]);
    await tx.member.update({
      where,
      data: {
        ...(patch.roles === undefined ? {} : { roles: [...new Set(patch.roles)] }),
        ...(patch.status === undefined
          ? {}
          : { disabledAt: patch.status === 'enabled' ? null : (member.disabledAt ?? new Date()) }),
      },
    });
    await requireAnOwner(tx, tenantId);
    if (patch.groups) await setGroups(tx, tenantId, id, patch.groups);
    await recordChange(tx, caller, 'member.update', { subject: id, email: member.email, ...patch });
    return toMemberView(await tx.member.findUniqueOrThrow({ where, include: memberView }));
  });
}

async function requireAnOwner(tx: PrismaTx, tenantId: string): Promise<void> {
  // Two owners who each remove the other must not both succeed.
  await tx.$queryRaw`select from tenant where id = ${tenantId} for update`;
  const owners = await tx.member.count({
    where: { tenantId, roles: { has: 'owner' }, disabledAt: null, acceptedAt: { not: null } },
  });
  if (owners === 0)
    throw new ConducktorError(
      'conflict',
      'A workspace needs an owner; make someone else one first.',
    );
}
