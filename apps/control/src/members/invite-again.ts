import { ConducktorError, type Invitation } from '@conducktor/contracts';
import { requireMayActFor } from '../api-keys/whose-keys.js';
import { recordChange } from '../audit/record-change.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { permitInvitation, writeInvitation, type InvitationDeps } from './write-invitation.js';

/** A new link for a member who has not joined yet; the links before it are dead. */
export async function inviteAgain(
  deps: InvitationDeps,
  caller: Caller,
  id: string,
): Promise<Invitation> {
  const { tenantId } = caller;
  const find = { where: { tenantId, id, removedAt: null } };
  const member = found(
    await deps.prisma.withTenant(tenantId, (tx) => tx.member.findFirst(find)),
    'member',
  );
  // Whoever is shown the link could use it, and then is that person here.
  requireMayActFor(caller, member);
  const permit = await permitInvitation(deps, caller, member.email);
  return deps.prisma.withTenant(tenantId, async (tx) => {
    // Locked: whoever accepts at this moment has joined, and gets no link that would undo it.
    await tx.$queryRaw`
      select from invitation where tenant_id = ${tenantId} and member_id = ${id} for update`;
    const now = found(await tx.member.findFirst(find), 'member');
    requireMayActFor(caller, now);
    const { email, acceptedAt, disabledAt } = now;
    if (acceptedAt) throw new ConducktorError('conflict', `${email} has joined already.`);
    if (disabledAt)
      throw new ConducktorError('conflict', `${email} is disabled; enable the member first.`);
    const invitation = await writeInvitation(deps, tx, caller, permit, { memberId: id, email });
    await recordChange(tx, caller, 'member.invite', {
      subject: id,
      email,
      mailed: invitation.mailed,
      invitationExpiresAt: invitation.expiresAt,
    });
    return invitation;
  });
}
