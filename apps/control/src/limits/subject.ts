import type { LimitKind } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireMayManage } from '../members/may-manage.js';
import { rolesBehind } from '../freeze/subject.js';

/**
 * The id under which calls are counted, of what may be named by something that people read. Throws
 * `not_found`, and `forbidden` for what is an owner's and not the caller's to limit.
 */
export async function requireSubject(
  tx: PrismaTx,
  caller: Caller,
  kind: LimitKind,
  id: string,
): Promise<string> {
  const { tenantId } = caller;
  switch (kind) {
    case 'member':
    case 'client':
      requireMayManage(caller, found(await rolesBehind(tx, tenantId, kind, id), kind));
      return id;
    case 'connection': {
      const where = { tenantId, OR: [{ id }, { slug: id }] };
      return found(await tx.connection.findFirst({ where }), kind).id;
    }
    case 'tool': {
      const where = { tenantId, removedAt: null, OR: [{ id }, { shownName: id }] };
      return found(await tx.tool.findFirst({ where }), kind).id;
    }
  }
}

/** The same for a limit that stands; what it is of may be gone since, and nobody's any more. */
export async function requireMayChange(
  tx: PrismaTx,
  caller: Caller,
  { kind, subjectId }: { kind: string; subjectId: string },
): Promise<void> {
  if (subjectId === '' || (kind !== 'member' && kind !== 'client')) return;
  requireMayManage(caller, (await rolesBehind(tx, caller.tenantId, kind, subjectId)) ?? []);
}
