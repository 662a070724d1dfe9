import type { PageQuery, ToolsetView } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { readSelectable, selectionOf, type Selectable } from './selection.js';

type Row = Prisma.ToolsetGetPayload<object>;

export function toView(row: Row, selectable: Selectable, publicUrl: string): ToolsetView {
  const prefix = row.prefix as ToolsetView['prefix'];
  return {
    id: row.id,
    slug: row.slug,
    url: `${publicUrl}/mcp/${row.slug}`,
    tools: row.tools,
    prefix,
    mode: row.mode as ToolsetView['mode'],
    ...selectionOf(row.tools, prefix, selectable),
    createdAt: row.createdAt.toISOString(),
  };
}

export async function listToolsets(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<ToolsetView>> {
  return prisma.withTenant(tenantId, async (tx) => {
    const page = await pageBy(
      query,
      (row: Row) => row.slug,
      (after, take) =>
        tx.toolset.findMany({
          where: { tenantId, ...(after === undefined ? {} : { slug: { gt: after } }) },
          orderBy: { slug: 'asc' },
          take,
        }),
    );
    const selectable = await readSelectable(tx, tenantId);
    return { ...page, items: page.items.map((row) => toView(row, selectable, publicUrl)) };
  });
}

export async function getToolset(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  { tenantId }: Caller,
  id: string,
): Promise<ToolsetView> {
  return prisma.withTenant(tenantId, async (tx) => {
    const row = found(
      await tx.toolset.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      'toolset',
    );
    return toView(row, await readSelectable(tx, tenantId), publicUrl);
  });
}
