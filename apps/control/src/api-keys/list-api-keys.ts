import type { PageQuery } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy } from '../http/pages.js';
import { managesAllKeys } from './whose-keys.js';

// Not the hash: it is not read where it is not needed.
const shown = {
  id: true,
  name: true,
  memberId: true,
  scopes: true,
  expiresAt: true,
  revokedAt: true,
  createdAt: true,
} as const;

export async function listApiKeys(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  query: PageQuery,
) {
  const { tenantId } = caller;
  const page = await pageBy(
    query,
    (row: { id: string }) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.apiKey.findMany({
          where: {
            tenantId,
            ...(managesAllKeys(caller) ? {} : { memberId: caller.memberId }),
            ...(after === undefined ? {} : { id: { gt: after } }),
          },
          select: shown,
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  const lastUses = await prisma.withTenant(tenantId, (tx) =>
    tx.clientActivity.findMany({
      where: { tenantId, credentialId: { in: page.items.map(({ id }) => id) } },
      select: { credentialId: true, lastSeenAt: true },
    }),
  );
  const lastUse = new Map(lastUses.map((use) => [use.credentialId, use.lastSeenAt.toISOString()]));
  return {
    nextCursor: page.nextCursor,
    items: page.items.map((row) => ({
      ...row,
      expiresAt: row.expiresAt?.toISOString() ?? null,
      revokedAt: row.revokedAt?.toISOString() ?? null,
      lastUsedAt: lastUse.get(row.id) ?? null,
      createdAt: row.createdAt.toISOString(),
    })),
  };
}
