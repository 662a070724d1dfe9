import { newId, type MemberView, type NewMember } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { setGroups } from './groups-of.js';
import { requireMayManage } from './may-manage.js';
import { memberView, toMemberView } from './read-members.js';

/** Makes the person of this address a member; an account is made when there is none yet. */
export async function createMember(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  wanted: NewMember,
): Promise<MemberView> {
  requireMayManage(caller, wanted.roles);
  const { tenantId } = caller;
  const id = newId('mem');
  return unlessTaken(`${wanted.email} is a member of this workspace already.`, () =>
    prisma.withTenant(tenantId, async (tx) => {
      const [account] = await tx.$queryRaw<{ id: string }[]>`
        select account_for_member(${wanted.email}, ${newId('usr')}) as id`;
      const roles = [...new Set(wanted.roles)];
      await tx.member.create({
        data: { tenantId, id, userId: account!.id, email: wanted.email, roles },
      });
      const groupsMade = await setGroups(tx, tenantId, id, wanted.groups);
      await recordChange(tx, caller, 'member.create', {
        subject: id,
        email: wanted.email,
        roles,
        groups: wanted.groups,
        groupsMade,
      });
      const where = { tenantId_id: { tenantId, id } };
      return toMemberView(await tx.member.findUniqueOrThrow({ where, include: memberView }));
    }),
  );
}
