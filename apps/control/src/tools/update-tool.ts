import type { ToolPatch, ToolView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { toolView, toToolView } from './list-tools.js';

const ID = /^tol_[0-9A-Za-z]{22}$/;

/** An admin's word on a tool: it wins over what the service says of itself. */
export async function updateTool(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  idOrName: string,
  patch: ToolPatch,
): Promise<ToolView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    // The id counts first: a name could have been made to look like one.
    const byId = ID.test(idOrName)
      ? await tx.tool.findUnique({ where: { tenantId_id: { tenantId, id: idOrName } } })
      : null;
    const row = found(
      byId ?? (await tx.tool.findFirst({ where: { tenantId, shownName: idOrName } })),
      'tool',
    );
    const updated = await tx.tool.update({
      where: { tenantId_id: { tenantId, id: row.id } },
      data: {
        ...(patch.class === undefined ? {} : { classOverride: patch.class }),
        ...(patch.labels === undefined ? {} : { labels: [...new Set(patch.labels)] }),
        ...(patch.hidden === undefined ? {} : { hidden: patch.hidden }),
      },
      include: toolView,
    });
    await recordChange(tx, caller, 'tool.update', {
      connection: updated.connection.slug,
      tool: row.shownName,
      toolId: row.id,
      ...patch,
    });
    return toToolView(updated);
  });
}
