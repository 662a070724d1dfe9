import { ConducktorError } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';

/**
 * Throws `conflict` unless somebody is left who can do everything: an owner who has joined, has access
 * and is not frozen. The workspace's row is locked first, to the end of the transaction, so that two
 * owners who each stop the other cannot both succeed.
 */
export async function requireAnOwner(tx: PrismaTx, tenantId: string): Promise<void> {
  await tx.$queryRaw`select from tenant where id = ${tenantId} for update`;
  const frozen = await tx.frozen.findMany({
    where: { tenantId, kind: 'member' },
    select: { subjectId: true },
  });
  const owners = await tx.member.count({
    where: {
      tenantId,
      roles: { has: 'owner' },
      disabledAt: null,
      acceptedAt: { not: null },
      id: { notIn: frozen.map(({ subjectId }) => subjectId) },
    },
  });
  if (owners === 0)
    throw new ConducktorError(
      'conflict',
      'A workspace needs an owner; make someone else one first.',
    );
}
