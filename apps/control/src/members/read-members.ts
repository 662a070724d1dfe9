import type { MemberView, PageQuery } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
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
    createdAt: row.createdAt.toISOString(),
  };
}

export async function listMembers(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<MemberView>> {
  const page = await pageBy(
    query,
    (row: Row) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.member.findMany({
          where: { tenantId, ...(after === undefined ? {} : { id: { gt: after } }) },
          include: memberView,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(toMemberView) };
}
