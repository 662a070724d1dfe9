import type { ToolPatch, ToolView } from '@conducktor/contracts';
import { DbNull, type Prisma } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { effectiveCosts } from '../price-lists/effective-cost.js';
import { findTool } from './find-tool.js';
import { toolView, toPreviewView, toToolView } from './list-tools.js';
import { pinPreview } from './pin-preview.js';

/** An admin's word on a tool: it wins over what the service says of itself. */
export async function updateTool(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  idOrName: string,
  patch: ToolPatch,
): Promise<ToolView> {
  const { tenantId } = caller;
  return prisma.withTenant(tenantId, async (tx) => {
    const row = await findTool(tx, tenantId, idOrName);
    const preview = patch.preview && (await pinPreview(tx, row, patch.preview));
    const updated = await tx.tool.update({
      where: { tenantId_id: { tenantId, id: row.id } },
      data: {
        ...(patch.class === undefined ? {} : { classOverride: patch.class }),
        ...(patch.labels === undefined ? {} : { labels: [...new Set(patch.labels)] }),
        ...(patch.hidden === undefined ? {} : { hidden: patch.hidden }),
        ...(preview === undefined
          ? {}
          : { preview: preview === null ? DbNull : (preview as Prisma.InputJsonObject) }),
      },
      include: toolView,
    });
    await recordChange(tx, caller, 'tool.update', {
      connection: updated.connection.slug,
      tool: row.shownName,
      toolId: row.id,
      ...patch,
      before: {
        ...(patch.class === undefined ? {} : { class: row.classOverride }),
        ...(patch.labels === undefined ? {} : { labels: row.labels }),
        ...(patch.hidden === undefined ? {} : { hidden: row.hidden }),
        ...(patch.preview === undefined ? {} : { preview: toPreviewView(row.preview) }),
      },
    });
    return toToolView(updated, await effectiveCosts(tx, tenantId));
  });
}
