import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

/** Ends the path: clients of it are answered 404 from the next snapshot on. */
export async function deleteToolset(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const { slug } = found(await tx.toolset.findUnique({ where }), 'toolset');
    await tx.toolset.delete({ where });
    await recordChange(tx, caller, 'toolset.delete', { toolset: slug, toolsetId: id });
  });
}
