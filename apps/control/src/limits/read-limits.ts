import type { LimitView, PageQuery } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { toLimitView, toLimitViews, type LimitRow } from './limit-view.js';

export async function listLimits(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<LimitView>> {
  return prisma.withTenant(tenantId, async (tx) => {
    const page = await pageBy(
      query,
      (row: LimitRow) => `${row.kind} ${row.subjectId}`,
      (after, take) => {
        // A kind is one word; what a client is named by may have spaces.
        const [, kind, subjectId] = after?.match(/^(\S+) (.*)$/) ?? [];
        return tx.rateLimit.findMany({
          where: {
            tenantId,
            ...(kind === undefined || subjectId === undefined
              ? {}
              : { OR: [{ kind: { gt: kind } }, { kind, subjectId: { gt: subjectId } }] }),
          },
          orderBy: [{ kind: 'asc' }, { subjectId: 'asc' }],
          take,
        });
      },
    );
    return { ...page, items: await toLimitViews(tx, tenantId, page.items) };
  });
}

export async function getLimit(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  id: string,
): Promise<LimitView> {
  return prisma.withTenant(tenantId, async (tx) =>
    toLimitView(
      tx,
      found(await tx.rateLimit.findUnique({ where: { tenantId_id: { tenantId, id } } }), 'limit'),
    ),
  );
}
