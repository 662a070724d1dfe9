import type { ToolCost, ToolView } from '@conducktor/contracts';
import { DbNull } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { requirePrice } from '../price-lists/check-cost.js';
import { effectiveCosts } from '../price-lists/effective-cost.js';
import { holdCurrency } from '../price-lists/hold-currency.js';
import { findTool } from './find-tool.js';
import { toolView, toToolView } from './list-tools.js';

/**
 * What calls of a tool cost from now on, whatever price lists say; null: what they say. Gateways know of it with
 * the workspace's next version.
 */
export async function setToolCost(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  idOrName: string,
  cost: ToolCost | null,
): Promise<ToolView> {
  const { tenantId } = caller;
  if (cost) requirePrice(cost, 'micros');
  return prisma.withTenant(tenantId, async (tx) => {
    await holdCurrency(tx, tenantId);
    const row = await findTool(tx, tenantId, idOrName);
    const updated = await tx.tool.update({
      where: { tenantId_id: { tenantId, id: row.id } },
      data: { cost: cost ?? DbNull },
      include: toolView,
    });
    await recordChange(tx, caller, 'tool.cost', {
      connection: updated.connection.slug,
      tool: row.shownName,
      toolId: row.id,
      cost,
    });
    return toToolView(updated, await effectiveCosts(tx, tenantId));
  });
}
