import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { managesAllKeys, requireMayActFor } from './whose-keys.js';

/** Revokes a key; one that is revoked already stays as it is. */
export async function revokeApiKey(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const row = found(await tx.apiKey.findUnique({ where, include: { member: true } }), 'API key');
    // Whoever may not see a key is not told that it exists.
    if (!managesAllKeys(caller)) found(row.memberId === caller.memberId ? row : null, 'API key');
    requireMayActFor(caller, row.member);
    if (row.revokedAt) return;
    await tx.apiKey.update({ where, data: { revokedAt: new Date() } });
    await recordChange(tx, caller, 'api-key.revoke', { keyId: id, subject: row.memberId });
  });
}
