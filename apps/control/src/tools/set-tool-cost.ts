import type { ToolCost, ToolView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { findTool } from './find-tool.js';
import { toolView, toToolView } from './list-tools.js';

/** What calls of a tool cost from now on; gateways know of it with the workspace's next version. */
export async function setToolCost(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  idOrName: string,
  cost: ToolCost,
): Promise<ToolView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    const row = await findTool(tx, tenantId, idOrName);
    const updated = await tx.tool.update({
      where: { tenantId_id: { tenantId, id: row.id } },
      data: { cost },
      include: toolView,
    });
    await recordChange(tx, caller, 'tool.cost', {
      connection: updated.connection.slug,
      tool: row.shownName,
      toolId: row.id,
      cost,
    });
    return toToolView(updated);
  });
}
