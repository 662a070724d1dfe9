import type { ToolsetPatch, ToolsetView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { toView } from './read-toolsets.js';
import { readSelectable } from './selection.js';

/** Changes what is given. Answers what the toolset selects then. */
export async function updateToolset(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  caller: Caller,
  id: string,
  patch: ToolsetPatch,
): Promise<ToolsetView> {
  const { tenantId } = caller;
  const change = {
    ...(patch.tools === undefined ? {} : { tools: [...new Set(patch.tools)] }),
    ...(patch.prefix === undefined ? {} : { prefix: patch.prefix }),
    ...(patch.mode === undefined ? {} : { mode: patch.mode }),
  };
  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    found(await tx.toolset.findUnique({ where }), 'toolset');
    const updated = await tx.toolset.update({ where, data: change });
    await recordChange(tx, caller, 'toolset.update', {
      toolset: updated.slug,
      toolsetId: id,
      ...change,
    });
    return toView(updated, await readSelectable(tx, tenantId), publicUrl);
  });
}
