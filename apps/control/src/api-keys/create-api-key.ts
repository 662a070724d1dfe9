import { ConducktorError, type NewApiKey } from '@conducktor/contracts';
import { mintApiKey, normaliseScopes } from '@conducktor/identity';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayActFor } from './whose-keys.js';

/** Stores the hash of a new key and returns the key, which nobody can read again. */
export async function createApiKey(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  wanted: NewApiKey,
): Promise<{ id: string; key: string }> {
  const expiresAt = wanted.expiresAt === undefined ? null : new Date(wanted.expiresAt);
  if (expiresAt && expiresAt.getTime() <= Date.now())
    throw new ConducktorError('invalid_request', '"expiresAt": is in the past.');
  const { tenantId } = caller;
  const memberId = wanted.memberId ?? caller.memberId;
  const scopes = normaliseScopes(wanted.scopes);
  const minted = mintApiKey();
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id: memberId }, disabledAt: null };
    const member = found(await tx.member.findUnique({ where }), 'member');
    requireMayActFor(caller, member);
    await tx.apiKey.create({
      data: {
        tenantId,
        id: minted.id,
        memberId,
        name: wanted.name,
        secretHash: Uint8Array.from(minted.secretHash),
        scopes,
        expiresAt,
      },
    });
    await recordChange(tx, caller, 'api-key.create', {
      keyId: minted.id,
      subject: memberId,
      name: wanted.name,
      scopes,
      expiresAt: expiresAt?.toISOString() ?? null,
    });
  });
  return { id: minted.id, key: minted.key };
}
