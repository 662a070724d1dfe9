import { ConducktorError } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

/** Withdraws a token. One that was used or has expired is `not_found`: there is nothing to withdraw. */
export async function deleteInitialAccessToken(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const { count } = await tx.initialAccessToken.deleteMany({
      where: { tenantId, id, usedAt: null, expiresAt: { gt: new Date() } },
    });
    if (count === 0)
      throw new ConducktorError('not_found', 'There is no unused token with this id here.');
    await recordChange(tx, caller, 'initial-access-token.delete', { tokenId: id });
  });
}
