import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

/** The version that decides now; null while there is none, and then nothing is allowed. */
export async function activeVersion(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Pick<Caller, 'tenantId'>,
): Promise<number | null> {
  const { activePolicy } = await prisma.withTenant(tenantId, (tx) =>
    tx.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { activePolicy: true } }),
  );
  return activePolicy;
}
