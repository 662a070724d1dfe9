import type { PriceListPatch, PriceListView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { unlessTaken } from '../http/unique.js';
import { requirePrices, requireRoom } from './check-cost.js';
import { taken } from './create-price-list.js';
import { holdCurrency } from './hold-currency.js';
import { priceListView } from './price-list-view.js';
import { requireOrder } from './validity.js';

/** Changes what is given; a call under way is charged as it was priced. */
export async function updatePriceList(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
  patch: PriceListPatch,
): Promise<PriceListView> {
  const { tenantId } = caller;
  const { name, prices } = patch;
  if (prices) requirePrices(prices);
  return unlessTaken(taken(name ?? ''), () =>
    prisma.withTenant(tenantId, async (tx) => {
      await holdCurrency(tx, tenantId);
      const where = { tenantId_id: { tenantId, id } };
      const before = found(await tx.priceList.findUnique({ where }), 'price list');
      if (prices) await requireRoom(tx, tenantId, prices, id);
      const validFrom =
        patch.validFrom === undefined ? before.validFrom : new Date(patch.validFrom);
      const validUntil =
        patch.validUntil === undefined
          ? before.validUntil
          : patch.validUntil === null
            ? null
            : new Date(patch.validUntil);
      requireOrder(validFrom, validUntil);
      const row = await tx.priceList.update({
        where,
        data: {
          validFrom,
          validUntil,
          ...(name === undefined ? {} : { name }),
          ...(prices === undefined ? {} : { prices }),
        },
      });
      await recordChange(tx, caller, 'price-list.update', { priceListId: id, ...patch });
      return priceListView(row);
    }),
  );
}
