import { ConducktorError, newId, type InvitedMember, type NewMember } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { setGroups } from './groups-of.js';
import { requireMayManage } from './may-manage.js';
import { inTurn } from './owners.js';
import { memberView, toMemberView } from './read-members.js';
import { permitInvitation, writeInvitation, type InvitationDeps } from './write-invitation.js';

/**
 * Invites the person of this address; an account is made when there is none yet. Nobody has shown that
 * the account of an address is its owner's, so no sign-in may use the membership until a link was
 * opened. API keys made for the member work at once: who makes them hands them over. Who was removed
 * or left is the same member again, with none of what they had.
 */
export async function createMember(
  deps: InvitationDeps,
  caller: Caller,
  wanted: NewMember,
): Promise<InvitedMember> {
  requireMayManage(caller, wanted.roles);
  const { tenantId } = caller;
  const { email } = wanted;
  const taken = `${email} is a member of this workspace already.`;
  const permit = await permitInvitation(deps, caller, email);
  return unlessTaken(taken, () =>
    deps.prisma.withTenant(tenantId, async (tx) => {
      await inTurn(tx, tenantId);
      const [account] = await tx.$queryRaw<{ id: string }[]>`
        select account_for_member(${email}, ${newId('usr')}) as id`;
      const userId = account!.id;
      const roles = [...new Set(wanted.roles)];
      const before = await tx.member.findUnique({
        where: { tenantId_userId: { tenantId, userId } },
      });
      if (before && !before.removedAt) throw new ConducktorError('conflict', taken);
      const id = before?.id ?? newId('mem');
      const where = { tenantId_id: { tenantId, id } };
      const fresh = { email, roles, acceptedAt: null };
      if (before) {
        // Made while they were being removed, and dead only as long as they were.
        const live = { tenantId, memberId: id, revokedAt: null };
        await tx.apiKey.updateMany({ where: live, data: { revokedAt: new Date() } });
        await tx.oauthGrant.updateMany({ where: live, data: { revokedAt: new Date() } });
        await tx.member.update({
          where,
          data: { ...fresh, removedAt: null, disabledAt: null, permissions: [] },
        });
      } else await tx.member.create({ data: { tenantId, id, userId, ...fresh } });
      const invitation = await writeInvitation(deps, tx, caller, permit, { memberId: id, email });
      const groupsMade = await setGroups(tx, tenantId, id, wanted.groups);
      await recordChange(tx, caller, 'member.create', {
        subject: id,
        email,
        roles,
        groups: wanted.groups,
        groupsMade,
        invited: true,
        ...(before ? { again: true } : {}),
        mailed: invitation.mailed,
        invitationExpiresAt: invitation.expiresAt,
      });
      const row = await tx.member.findUniqueOrThrow({ where, include: memberView });
      return { ...toMemberView(row), invitation };
    }),
  );
}
