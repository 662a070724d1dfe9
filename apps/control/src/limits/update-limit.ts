import type { LimitPatch, LimitView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { limitDetail, toLimitView } from './limit-view.js';
import { shortestFirst } from './shortest-first.js';
import { requireMayChange } from './subject.js';

/** What was used up of a window counts in the same part of the changed one. */
export async function updateLimit(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
  { allowances }: LimitPatch,
): Promise<LimitView> {
  const { tenantId } = caller;
  const where = { tenantId_id: { tenantId, id } };
  return prisma.withTenant(tenantId, async (tx) => {
    const before = found(await tx.rateLimit.findUnique({ where }), 'limit');
    await requireMayChange(tx, caller, before);
    const row = await tx.rateLimit.update({
      where,
      data: { allowances: shortestFirst(allowances) },
    });
    await recordChange(tx, caller, 'limit.update', {
      ...limitDetail(row),
      before: before.allowances,
    });
    return toLimitView(tx, row);
  });
}
