import type { PageQuery } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy } from '../http/pages.js';

// Not the hash: this role may not read it.
const shown = { id: true, memberId: true, createdAt: true, expiresAt: true } as const;

/** The tokens that can still be used. */
export async function listInitialAccessTokens(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
) {
  const page = await pageBy(
    query,
    (row: { id: string }) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.initialAccessToken.findMany({
          where: {
            tenantId,
            usedAt: null,
            expiresAt: { gt: new Date() },
            ...(after === undefined ? {} : { id: { gt: after } }),
          },
          select: shown,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return {
    nextCursor: page.nextCursor,
    items: page.items.map((row) => ({
      id: row.id,
      memberId: row.memberId,
      scope: 'dcr.create' as const,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
    })),
  };
}
