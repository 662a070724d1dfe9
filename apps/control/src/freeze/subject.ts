import { ConducktorError, type FreezeKind } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

/**
 * The roles of the person behind something of the workspace, or none where it is not one person's: an
 * owner's is touched by owners only. Null: there is no such thing here. A client is known once somebody
 * has connected it; an API key is named by its id.
 */
export async function rolesBehind(
  tx: PrismaTx,
  tenantId: string,
  kind: FreezeKind,
  id: string,
): Promise<string[] | null> {
  const where = { tenantId_id: { tenantId, id } };
  switch (kind) {
    case 'workspace':
      return id === tenantId ? [] : null;
    case 'connection':
      return (await tx.connection.count({ where: { tenantId, id } })) > 0 ? [] : null;
    case 'member':
      return (await tx.member.findUnique({ where }))?.roles ?? null;
    case 'client': {
      const key = await tx.apiKey.findUnique({ where, include: { member: true } });
      if (key) return key.member.roles;
      return (await tx.oauthGrant.findFirst({ where: { tenantId, clientId: id } })) ? [] : null;
    }
  }
}

/** As rolesBehind; throws `not_found`, and `conflict` for what would stop the caller themselves. */
export async function requireSubject(
  tx: PrismaTx,
  caller: Caller,
  kind: FreezeKind,
  id: string,
): Promise<string[]> {
  const roles = found(await rolesBehind(tx, caller.tenantId, kind, id), kind);
  if (id === caller.memberId)
    throw new ConducktorError('conflict', 'You cannot freeze yourself; ask another owner.');
  if (id === caller.clientId)
    throw new ConducktorError(
      'conflict',
      'You cannot freeze what you are calling with; use something else.',
    );
  return roles;
}
