import { ConducktorError, newId, type NewGroup, type PageQuery } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy } from '../http/pages.js';
import { unlessTaken } from '../http/unique.js';

const groupView = {
  _count: { select: { memberships: true } },
} satisfies Prisma.WorkspaceGroupInclude;
type Row = Prisma.WorkspaceGroupGetPayload<{ include: typeof groupView }>;

const toView = (row: Row) => ({
  id: row.id,
  name: row.name,
  members: row._count.memberships,
  createdAt: row.createdAt.toISOString(),
});

export async function createGroup(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  { name, members }: NewGroup,
) {
  const { tenantId } = caller;
  const id = newId('grp');
  return unlessTaken(`There is a group "${name}" in this workspace already.`, () =>
    prisma.withTenant(tenantId, async (tx) => {
      const memberIds = [...new Set(members)];
      const known = await tx.member.count({ where: { tenantId, id: { in: memberIds } } });
      if (known < memberIds.length)
        throw new ConducktorError(
          'not_found',
          'There is no member with this id in this workspace.',
        );
      await tx.workspaceGroup.create({ data: { tenantId, id, name } });
      await tx.groupMembership.createMany({
        data: memberIds.map((memberId) => ({ tenantId, groupId: id, memberId })),
      });
      await recordChange(tx, caller, 'group.create', { groupId: id, name, members: memberIds });
      const where = { tenantId_id: { tenantId, id } };
      return toView(await tx.workspaceGroup.findUniqueOrThrow({ where, include: groupView }));
    }),
  );
}

export async function listGroups(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
) {
  const page = await pageBy(
    query,
    (row: Row) => row.name,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.workspaceGroup.findMany({
          where: { tenantId, ...(after === undefined ? {} : { name: { gt: after } }) },
          include: groupView,
          orderBy: { name: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(toView) };
}
