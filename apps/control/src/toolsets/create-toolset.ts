import { newId, type NewToolset, type ToolsetView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { toView } from './read-toolsets.js';
import { readSelectable } from './selection.js';

/** Stores the toolset; its path is served from the next snapshot on. Answers what it selects now. */
export async function createToolset(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  caller: Caller,
  wanted: NewToolset,
): Promise<ToolsetView> {
  const { tenantId } = caller;
  const row = { ...wanted, tools: [...new Set(wanted.tools)], tenantId, id: newId('tls') };
  return unlessTaken(
    `There is a connection or toolset "${wanted.slug}" in this workspace already.`,
    () =>
      prisma.withTenant(tenantId, async (tx) => {
        const created = await tx.toolset.create({ data: row });
        await recordChange(tx, caller, 'toolset.create', {
          toolset: row.slug,
          toolsetId: row.id,
          tools: row.tools,
          prefix: row.prefix,
          mode: row.mode,
        });
        return toView(created, await readSelectable(tx, tenantId), publicUrl);
      }),
  );
}
