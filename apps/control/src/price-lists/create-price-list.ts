import {
  ConducktorError,
  newId,
  type NewPriceList,
  type PriceListView,
} from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { requirePrices, requireRoom } from './check-cost.js';
import { holdCurrency } from './hold-currency.js';
import { priceListView } from './price-list-view.js';
import { requireOrder } from './validity.js';

// They are part of every snapshot of the workspace.
const MAX_LISTS = 50;

/** Gateways price calls by it from `validFrom` on. Of lists that hold together, the one that began last counts. */
export async function createPriceList(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  wanted: NewPriceList,
): Promise<PriceListView> {
  const { tenantId } = caller;
  const { name, prices } = wanted;
  requirePrices(prices);
  const validFrom = wanted.validFrom === undefined ? new Date() : new Date(wanted.validFrom);
  const validUntil = wanted.validUntil === null ? null : new Date(wanted.validUntil);
  requireOrder(validFrom, validUntil);
  return unlessTaken(taken(name), () =>
    prisma.withTenant(tenantId, async (tx) => {
      await holdCurrency(tx, tenantId);
      if ((await tx.priceList.count({ where: { tenantId } })) >= MAX_LISTS)
        throw new ConducktorError(
          'conflict',
          `A workspace has at most ${MAX_LISTS} price lists. Delete one that is over.`,
        );
      await requireRoom(tx, tenantId, prices);
      const id = newId('prl');
      const row = await tx.priceList.create({
        data: { tenantId, id, name, validFrom, validUntil, prices },
      });
      const { id: _id, createdAt: _at, ...shown } = priceListView(row);
      await recordChange(tx, caller, 'price-list.create', { priceListId: id, ...shown });
      return priceListView(row);
    }),
  );
}

export const taken = (name: string) => `There is a price list "${name}" in this workspace already.`;
