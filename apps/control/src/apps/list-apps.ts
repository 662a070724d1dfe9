import type { AppQuery, AppView } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';
import { toSeen } from './seen.js';
import { visibleTo } from './whose-apps.js';

const withMember = {
  member: { select: { id: true, email: true } },
} satisfies Prisma.OauthGrantInclude;
type Row = Prisma.OauthGrantGetPayload<{ include: typeof withMember }>;

const STATUS: Record<AppQuery['status'], Prisma.OauthGrantWhereInput> = {
  active: { revokedAt: null },
  revoked: { revokedAt: { not: null } },
  all: {},
};

export async function listApps(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  query: AppQuery,
): Promise<Page<AppView>> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    const page = await pageBy(
      query,
      (row: Row) => row.id,
      (after, take) =>
        tx.oauthGrant.findMany({
          where: {
            tenantId,
            ...visibleTo(caller),
            ...STATUS[query.status],
            ...(after === undefined ? {} : { id: { gt: after } }),
          },
          include: withMember,
          orderBy: { id: 'asc' },
          take,
        }),
    );
    const uses = await tx.clientActivity.findMany({
      where: { tenantId, credentialId: { in: page.items.map(({ id }) => id) } },
    });
    const use = new Map(uses.map((each) => [each.credentialId, toSeen(each)]));
    return { ...page, items: page.items.map((row) => toView(row, use.get(row.id) ?? null)) };
  });
}

const toView = (row: Row, lastUse: AppView['lastUse']): AppView => ({
  id: row.id,
  clientId: row.clientId,
  clientName: row.clientName,
  redirectHost: row.redirectHost,
  member: row.member,
  scopes: row.scopes,
  resource: row.resource,
  since: row.createdAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
  lastUse,
});
