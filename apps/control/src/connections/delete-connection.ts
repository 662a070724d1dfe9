import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

export async function deleteConnection(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const { slug } = found(
      await tx.connection.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      'connection',
    );
    await tx.connection.delete({ where: { tenantId_id: { tenantId, id } } });
    await recordChange(tx, caller, 'connection.delete', { connection: slug, connectionId: id });
  });
}
