import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { limitDetail } from './limit-view.js';
import { requireMayChange } from './subject.js';

/** Calls are held to it no longer, within a second. */
export async function deleteLimit(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  const where = { tenantId_id: { tenantId, id } };
  await prisma.withTenant(tenantId, async (tx) => {
    const row = found(await tx.rateLimit.findUnique({ where }), 'limit');
    await requireMayChange(tx, caller, row);
    await tx.rateLimit.delete({ where });
    await recordChange(tx, caller, 'limit.delete', limitDetail(row));
  });
}
