import { type GroupPatch, type GroupView, newId, type NewGroup } from '@conducktor/contracts';
import type { PageQuery } from '@conducktor/contracts';
import type { Prisma, PrismaTx } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy } from '../http/pages.js';
import { unlessTaken } from '../http/unique.js';
import { requireNoRuleNames } from './rules-of-groups.js';

const groupView = {
  _count: { select: { memberships: true } },
} satisfies Prisma.WorkspaceGroupInclude;
type Row = Prisma.WorkspaceGroupGetPayload<{ include: typeof groupView }>;
type Deps = Pick<Control, 'prisma'>;

const toView = (row: Row): GroupView => ({
  id: row.id,
  name: row.name,
  members: row._count.memberships,
  createdAt: row.createdAt.toISOString(),
});

export async function createGroup(
  { prisma }: Deps,
  caller: Caller,
  { name, members }: NewGroup,
): Promise<GroupView> {
  const { tenantId } = caller;
  const id = newId('grp');
  return unlessTaken(taken(name), () =>
    prisma.withTenant(tenantId, async (tx) => {
      await tx.workspaceGroup.create({ data: { tenantId, id, name } });
      await setMembers(tx, tenantId, id, members);
      await recordChange(tx, caller, 'group.create', { groupId: id, name, members });
      return readGroup(tx, tenantId, id);
    }),
  );
}

export async function updateGroup(
  { prisma }: Deps,
  caller: Caller,
  id: string,
  { name, members }: GroupPatch,
): Promise<GroupView> {
  const { tenantId } = caller;
  return unlessTaken(taken(name ?? ''), () =>
    prisma.withTenant(tenantId, async (tx) => {
      const before = await readGroup(tx, tenantId, id);
      if (name !== undefined && name !== before.name) {
        await requireNoRuleNames(tx, tenantId, before.name);
        await tx.workspaceGroup.update({
          where: { tenantId_id: { tenantId, id } },
          data: { name },
        });
      }
      if (members) await setMembers(tx, tenantId, id, members);
      await recordChange(tx, caller, 'group.update', {
        groupId: id,
        name: name ?? before.name,
        ...(name === undefined ? {} : { formerName: before.name }),
        ...(members ? { members } : {}),
      });
      return readGroup(tx, tenantId, id);
    }),
  );
}

export async function deleteGroup({ prisma }: Deps, caller: Caller, id: string): Promise<void> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    const { name, members } = await readGroup(tx, tenantId, id);
    await requireNoRuleNames(tx, tenantId, name);
    await tx.workspaceGroup.delete({ where: { tenantId_id: { tenantId, id } } });
    await recordChange(tx, caller, 'group.delete', { groupId: id, name, members });
  });
}

export async function getGroup(
  { prisma }: Deps,
  { tenantId }: Caller,
  id: string,
): Promise<GroupView> {
  return prisma.withTenant(tenantId, (tx) => readGroup(tx, tenantId, id));
}

export async function listGroups({ prisma }: Deps, { tenantId }: Caller, query: PageQuery) {
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

async function readGroup(tx: PrismaTx, tenantId: string, id: string): Promise<GroupView> {
  const where = { tenantId_id: { tenantId, id } };
  return toView(found(await tx.workspaceGroup.findUnique({ where, include: groupView }), 'group'));
}

async function setMembers(
  tx: PrismaTx,
  tenantId: string,
  groupId: string,
  members: readonly string[],
): Promise<void> {
  const ids = [...new Set(members)];
  const known = await tx.member.count({ where: { tenantId, id: { in: ids }, removedAt: null } });
  found(known === ids.length ? known : null, 'member');
  await tx.groupMembership.deleteMany({ where: { tenantId, groupId } });
  await tx.groupMembership.createMany({
    data: ids.map((memberId) => ({ tenantId, groupId, memberId })),
  });
}

const taken = (name: string) => `There is a group "${name}" in this workspace already.`;
