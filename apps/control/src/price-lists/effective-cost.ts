import { ToolCost, type ToolView } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { compileGlobs } from '@conducktor/policy';
import { pricesOf } from './price-list-view.js';

/** What a tool costs now, and what says so. */
export type EffectiveCost = (tool: {
  shownName: string;
  cost: unknown;
}) => ToolView['effectiveCost'];

const FREE = { kind: 'free' } as const;

/**
 * As gateways price a call made now: a tool's own cost, else that of the list that holds now, names the tool and
 * began last.
 */
export async function effectiveCosts(tx: PrismaTx, tenantId: string): Promise<EffectiveCost> {
  const now = new Date();
  const rows = await tx.priceList.findMany({
    where: {
      tenantId,
      validFrom: { lte: now },
      OR: [{ validUntil: null }, { validUntil: { gt: now } }],
    },
    orderBy: [{ validFrom: 'desc' }, { id: 'asc' }],
  });
  const lists = rows.map((row) => ({
    list: { id: row.id, name: row.name },
    prices: pricesOf(row).map(({ tools, cost }) => ({ fits: compileGlobs(tools), cost })),
  }));
  return ({ shownName, cost }) => {
    if (cost !== null) return { cost: ToolCost.catch(FREE).parse(cost), priceList: null };
    for (const { list, prices } of lists) {
      const fitting = prices.find(({ fits }) => fits(shownName));
      if (fitting) return { cost: ToolCost.catch(FREE).parse(fitting.cost), priceList: list };
    }
    return { cost: FREE, priceList: null };
  };
}
