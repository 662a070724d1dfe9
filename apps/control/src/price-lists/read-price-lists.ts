import type { PageQuery, PriceListView } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { priceListView, type PriceListRow } from './price-list-view.js';

export async function listPriceLists(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<PriceListView>> {
  const page = await pageBy(
    query,
    (row: PriceListRow) => row.id,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.priceList.findMany({
          where: { tenantId, ...(after === undefined ? {} : { id: { gt: after } }) },
          orderBy: { id: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(priceListView) };
}

export async function getPriceList(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  id: string,
): Promise<PriceListView> {
  const row = await prisma.withTenant(tenantId, (tx) =>
    tx.priceList.findUnique({ where: { tenantId_id: { tenantId, id } } }),
  );
  return priceListView(found(row, 'price list'));
}
