import type { MemberView, PageQuery } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';

export const memberView = {
  memberships: { include: { group: { select: { name: true } } } },
} satisfies Prisma.MemberInclude;

type Row = Prisma.MemberGetPayload<{ include: typeof memberView }>;

export function toMemberView(row: Row): MemberView {
  return {
    id: row.id,
    email: row.email,
    roles: row.roles as MemberView['roles'],
    groups: row.memberships.map(({ group }) => group.name).sort(),
    status: row.disabledAt ? 'disabled' : 'enabled',
    permissions: row.permissions as MemberView['permissions'],
    acceptedAt: row.acceptedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  };
}

export async function getMember(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  id: string,
): Promise<MemberView> {
  const row = await prisma.withTenant(tenantId, (tx) =>
    tx.member.findFirst({ where: { tenantId, id, removedAt: null }, include: memberView }),
  );
  return toMemberView(found(row, 'member'));
}

/** The members of the workspace, or of one of its groups, by id. Who was removed is not among them. */
export async function listMembers(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
  inGroup?: string,
): Promise<Page<MemberView>> {
  const page = await pageBy(
    query,
    (row: Row) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.member.findMany({
          where: {
            tenantId,
            removedAt: null,
            ...(inGroup === undefined ? {} : { memberships: { some: { groupId: inGroup } } }),
            ...(after === undefined ? {} : { id: { gt: after } }),
          },
          include: memberView,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(toMemberView) };
}
