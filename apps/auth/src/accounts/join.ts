import {
  acceptInvitation,
  claimUser,
  recordControlEvent,
  type Db,
  type OpenInvitation,
} from '@conducktor/db';
import type { ClaimForm } from './sign-up-form.js';
import type { Passwords } from './passwords.js';

/**
 * Takes up the membership that the link of this hash is for. `claim` gives the invited account its
 * first password: holding the link shows that the invitation was received. False when the link was
 * used meanwhile, or the account has a password by now; then nothing is written.
 */
export async function join(
  deps: { db: Db; passwords: Passwords },
  invitation: OpenInvitation,
  tokenHash: Buffer,
  claim?: ClaimForm,
): Promise<boolean> {
  const { userId, email, tenantId } = invitation;
  const chosen = claim && {
    displayName: claim.name,
    passwordHash: await deps.passwords.hash(claim.password),
  };
  try {
    await deps.db.withTenant(tenantId, async (tx) => {
      if (chosen && !(await claimUser(tx, userId, chosen))) throw new NotTaken();
      const memberId = await acceptInvitation(tx, tokenHash, userId);
      if (!memberId) throw new NotTaken();
      await recordControlEvent(tx, {
        action: 'member.accept',
        memberId,
        actor: email,
        claimed: chosen !== undefined,
      });
    });
    return true;
  } catch (error) {
    if (error instanceof NotTaken) return false;
    throw error;
  }
}

/** Rolls the transaction back. */
class NotTaken extends Error {}
