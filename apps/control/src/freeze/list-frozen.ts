import type { FreezeView, PageQuery } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';

type Row = Prisma.FrozenGetPayload<object>;

export const toFreezeView = (row: Row): FreezeView => ({
  kind: row.kind as FreezeView['kind'],
  id: row.subjectId,
  reason: row.reason,
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
});

export async function listFrozen(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<FreezeView>> {
  const page = await pageBy(
    query,
    (row: Row) => `${row.kind} ${row.subjectId}`,
    (after, take) => {
      const [kind, subjectId] = after?.split(' ') ?? [];
      return prisma.withTenant(tenantId, (tx) =>
        tx.frozen.findMany({
          where: {
            tenantId,
            ...(kind === undefined || subjectId === undefined
              ? {}
              : { OR: [{ kind: { gt: kind } }, { kind, subjectId: { gt: subjectId } }] }),
          },
          orderBy: [{ kind: 'asc' }, { subjectId: 'asc' }],
          take,
        }),
      );
    },
  );
  return { ...page, items: page.items.map(toFreezeView) };
}
