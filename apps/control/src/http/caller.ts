import { ConducktorError, type Role } from '@conducktor/contracts';
import type { Control } from '../control.js';

/** Who asks, as the key says and the workspace knows them now. */
export interface Caller {
  tenantId: string;
  memberId: string;
  email: string;
  roles: Role[];
  groups: string[];
  keyId: string;
  scopes: string[];
}

/**
 * The caller of `Authorization: Bearer ck_…`. Throws `unauthenticated`; roles are read afresh, so
 * that a change is effective with the next request.
 */
export async function authenticate(
  control: Pick<Control, 'verifier' | 'prisma'>,
  authorization: string | undefined,
): Promise<Caller> {
  const [, key] = /^Bearer +(\S{1,200})$/i.exec(authorization ?? '') ?? [];
  if (!key)
    throw new ConducktorError(
      'unauthenticated',
      'Send an API key with the scope "admin" as "Authorization: Bearer ck_…".',
    );
  const claims = await control.verifier.verifyApiKey(key);
  const member = await control.prisma.withTenant(claims.tenantId, (tx) =>
    tx.member.findFirst({
      where: { tenantId: claims.tenantId, id: claims.memberId, disabledAt: null },
      include: { memberships: { include: { group: true } } },
    }),
  );
  if (!member)
    throw new ConducktorError(
      'unauthenticated',
      'The person of this API key has no access any more.',
    );
  return {
    tenantId: claims.tenantId,
    memberId: member.id,
    email: member.email,
    roles: member.roles as Role[],
    groups: member.memberships.map(({ group }) => group.name).sort(),
    keyId: claims.keyId,
    scopes: claims.scopes,
  };
}
