import { ConducktorError } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';

/** Has changes of a workspace's people wait for each other: what is read after it stays so to the end. */
export async function inTurn(tx: PrismaTx, tenantId: string): Promise<void> {
  await tx.$queryRaw`select from tenant where id = ${tenantId} for no key update`;
}

/**
 * Throws `conflict` unless somebody is left who can do everything: an owner who has joined, has access
 * and is not frozen. In turn, so that two owners who each stop the other cannot both succeed.
 */
export async function requireAnOwner(tx: PrismaTx, tenantId: string): Promise<void> {
  await inTurn(tx, tenantId);
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
