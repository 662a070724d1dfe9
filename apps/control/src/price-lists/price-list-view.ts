import type { PriceListView, PriceOfTools } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';

export type PriceListRow = Prisma.PriceListGetPayload<object>;

export function priceListView(row: PriceListRow): PriceListView {
  return {
    id: row.id,
    name: row.name,
    validFrom: row.validFrom.toISOString(),
    validUntil: row.validUntil?.toISOString() ?? null,
    prices: pricesOf(row),
    createdAt: row.createdAt.toISOString(),
  };
}

/** They were written through their schema. */
export const pricesOf = ({ prices }: Pick<PriceListRow, 'prices'>) =>
  prices as unknown as PriceOfTools[];
