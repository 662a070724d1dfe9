import { newId } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';

/** Makes these the member's groups; those that do not exist yet are made. Returns the names made. */
export async function setGroups(
  tx: PrismaTx,
  tenantId: string,
  memberId: string,
  names: readonly string[],
): Promise<string[]> {
  const wanted = [...new Set(names)];
  const existing = await tx.workspaceGroup.findMany({ where: { tenantId, name: { in: wanted } } });
  const missing = wanted.filter((name) => !existing.some((group) => group.name === name));
  const made = missing.map((name) => ({ tenantId, id: newId('grp'), name }));
  if (made.length > 0) await tx.workspaceGroup.createMany({ data: made });
  await tx.groupMembership.deleteMany({ where: { tenantId, memberId } });
  await tx.groupMembership.createMany({
    data: [...existing, ...made].map(({ id }) => ({ tenantId, groupId: id, memberId })),
  });
  return missing;
}
