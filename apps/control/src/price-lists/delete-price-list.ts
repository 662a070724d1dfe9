import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

export async function deletePriceList(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const { name } = found(await tx.priceList.findUnique({ where }), 'price list');
    await tx.priceList.delete({ where });
    await recordChange(tx, caller, 'price-list.delete', { priceListId: id, name });
  });
}
