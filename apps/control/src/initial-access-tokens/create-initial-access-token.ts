import { ConducktorError, newId, type InitialAccessTokenCreated } from '@conducktor/contracts';
import { mintInitialAccessToken } from '@conducktor/identity';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

const LIFE_MS = 15 * 60_000;
const MAX_OPEN = 100;
/** The record of changes keeps what became of a token; its row only has to outlive a late request. */
const KEPT_MS = 24 * 3600_000;

/**
 * Stores the hash of a new token and returns the token, which nobody can read again. Throws `conflict`
 * while a hundred of the workspace's tokens are open.
 */
export async function createInitialAccessToken(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
): Promise<InitialAccessTokenCreated> {
  const { tenantId, memberId } = caller;
  const id = newId('iat');
  const { token, tokenHash } = mintInitialAccessToken();
  const now = Date.now();
  const expiresAt = new Date(now + LIFE_MS);
  await prisma.withTenant(tenantId, async (tx) => {
    await tx.initialAccessToken.deleteMany({
      where: { tenantId, expiresAt: { lt: new Date(now - KEPT_MS) } },
    });
    const open = await tx.initialAccessToken.count({
      where: { tenantId, usedAt: null, expiresAt: { gt: new Date(now) } },
    });
    if (open >= MAX_OPEN)
      throw new ConducktorError(
        'conflict',
        `${MAX_OPEN} tokens of this workspace wait to be used. Use or withdraw some, or wait 15 minutes.`,
      );
    // createMany, because this role may write the hash and not read it.
    await tx.initialAccessToken.createMany({
      data: [{ tenantId, id, memberId, tokenHash: Uint8Array.from(tokenHash), expiresAt }],
    });
    await recordChange(tx, caller, 'initial-access-token.create', {
      tokenId: id,
      expiresAt: expiresAt.toISOString(),
    });
  });
  return { id, token, scope: 'dcr.create', expiresAt: expiresAt.toISOString() };
}
