import type { FreezeView, NewFreeze } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { requireMayManage } from '../members/may-manage.js';
import { requireAnOwner } from '../members/owners.js';
import { toFreezeView } from './list-frozen.js';
import { requireSubject } from './subject.js';

/**
 * Stops everything of a subject: gateways refuse its calls, end its streams and cancel what is in
 * flight within a second; sign-in gives it no new tokens. Lasts until somebody lifts it.
 */
export async function freeze(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  { kind, id, reason }: NewFreeze,
): Promise<FreezeView> {
  const { tenantId } = caller;
  return unlessTaken('It is frozen already.', () =>
    prisma.withTenant(tenantId, async (tx) => {
      const roles = await requireSubject(tx, caller, kind, id);
      requireMayManage(caller, roles);
      const row = await tx.frozen.create({
        data: { tenantId, kind, subjectId: id, reason, createdBy: caller.memberId },
      });
      if (kind === 'member' && roles.includes('owner')) await requireAnOwner(tx, tenantId);
      await recordChange(tx, caller, 'freeze.create', { kind, subject: id, reason });
      return toFreezeView(row);
    }),
  );
}
