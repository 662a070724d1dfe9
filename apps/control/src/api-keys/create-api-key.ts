import { ConducktorError, type NewApiKey } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { mintApiKey, normaliseScopes } from '@conducktor/identity';
import { requireOwnKey } from '../approvals/own-key.js';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayActFor } from './whose-keys.js';

/** Stores the hash of a new key and returns the key, which nobody can read again. */
export async function createApiKey(
  { db, prisma }: Pick<Control, 'db' | 'prisma'>,
  caller: Caller,
  wanted: NewApiKey,
): Promise<{ id: string; key: string }> {
  const expiresAt = wanted.expiresAt === undefined ? null : new Date(wanted.expiresAt);
  if (expiresAt && expiresAt.getTime() <= Date.now())
    throw new ConducktorError('invalid_request', '"expiresAt": is in the past.');
  const { tenantId } = caller;
  const memberId = wanted.memberId ?? caller.memberId;
  // It would be known to two people besides its own, and one of them named as its maker.
  if (memberId !== caller.memberId) await requireOwnKey({ db }, caller);
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
        createdBy: await holderOf(tx, caller, memberId),
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

/** Who is shown the new key: with a key, whoever made that one may be calling in its person's name. */
async function holderOf(tx: PrismaTx, caller: Caller, memberId: string): Promise<string> {
  const { tenantId, via, clientId } = caller;
  if (via !== 'key' || memberId !== caller.memberId) return caller.memberId;
  const where = { tenantId_id: { tenantId, id: clientId } };
  return (await tx.apiKey.findUnique({ where }))?.createdBy ?? caller.memberId;
}
