import { newId, type InvitedMember, type NewMember } from '@conducktor/contracts';
import { mintInvitation } from '@conducktor/identity';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { setGroups } from './groups-of.js';
import { requireMayManage } from './may-manage.js';
import { memberView, toMemberView } from './read-members.js';

const INVITATION_MS = 7 * 24 * 3600 * 1000;

/**
 * Invites the person of this address; an account is made when there is none yet. Nobody has shown that
 * the account of an address is its owner's, so no sign-in may use the membership until the link in the
 * answer was opened. API keys made for the member work at once: who makes them hands them over.
 */
export async function createMember(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  caller: Caller,
  wanted: NewMember,
): Promise<InvitedMember> {
  requireMayManage(caller, wanted.roles);
  const { tenantId } = caller;
  const id = newId('mem');
  const { token, tokenHash } = mintInvitation();
  const expiresAt = new Date(Date.now() + INVITATION_MS);
  return unlessTaken(`${wanted.email} is a member of this workspace already.`, () =>
    prisma.withTenant(tenantId, async (tx) => {
      const [account] = await tx.$queryRaw<{ id: string }[]>`
        select account_for_member(${wanted.email}, ${newId('usr')}) as id`;
      const roles = [...new Set(wanted.roles)];
      await tx.member.create({
        data: { tenantId, id, userId: account!.id, email: wanted.email, roles, acceptedAt: null },
      });
      // createMany, because this role may write invitations and not read them.
      await tx.invitation.createMany({
        data: [{ tenantId, memberId: id, tokenHash: Uint8Array.from(tokenHash), expiresAt }],
      });
      const groupsMade = await setGroups(tx, tenantId, id, wanted.groups);
      await recordChange(tx, caller, 'member.create', {
        subject: id,
        email: wanted.email,
        roles,
        groups: wanted.groups,
        groupsMade,
        invited: true,
        invitationExpiresAt: expiresAt.toISOString(),
      });
      const where = { tenantId_id: { tenantId, id } };
      const row = await tx.member.findUniqueOrThrow({ where, include: memberView });
      return {
        ...toMemberView(row),
        invitation: {
          url: `${publicUrl}/invite?token=${token}`,
          expiresAt: expiresAt.toISOString(),
        },
      };
    }),
  );
}
