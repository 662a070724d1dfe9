import { FreezeKind } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayManage } from '../members/may-manage.js';
import { rolesBehind } from './subject.js';

/** Lifts a freeze. What was cancelled stays cancelled; new calls go through within a second. */
export async function unfreeze(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  kind: string,
  id: string,
): Promise<void> {
  const { tenantId } = caller;
  const where = { tenantId_kind_subjectId: { tenantId, kind, subjectId: id } };
  await prisma.withTenant(tenantId, async (tx) => {
    const row = found(await tx.frozen.findUnique({ where }), 'freeze');
    // What is gone since belongs to nobody any more.
    const roles = await rolesBehind(tx, tenantId, FreezeKind.parse(row.kind), id);
    requireMayManage(caller, roles ?? []);
    await tx.frozen.delete({ where });
    await recordChange(tx, caller, 'freeze.lift', { kind, subject: id, reason: row.reason });
  });
}
