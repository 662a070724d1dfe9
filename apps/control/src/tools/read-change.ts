import { definitionChanges, stricter } from '@conducktor/catalog';
import { ConducktorError, type ToolChange, type ToolClass } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { findTool } from './find-tool.js';
import { offeredOf, toolView, type ToolRow } from './list-tools.js';

/** What is held back of a tool, and what accepting it would mean. */
export interface HeldChange {
  row: ToolRow;
  change: ToolChange;
  /** What the tool's own annotations come to from then on: never milder than before. */
  proposedClass: ToolClass;
}

/** What the service lists of a tool beside what is pinned. Throws `not_found` when they are the same. */
export function readChange(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  idOrName: string,
): Promise<ToolChange> {
  return prisma.withTenant(tenantId, async (tx) => {
    const held = await findChange(tx, tenantId, idOrName);
    if (held) return held.change;
    throw new ConducktorError('not_found', 'Nothing of this tool waits to be accepted.');
  });
}

/** The change that somebody looked at, by the hash of its definition. Throws `conflict` for any other. */
export async function seenChange(
  tx: PrismaTx,
  tenantId: string,
  idOrName: string,
  definitionHash: string,
): Promise<HeldChange> {
  const held = await findChange(tx, tenantId, idOrName);
  if (held?.change.offered.definitionHash === definitionHash) return held;
  throw changedMeanwhile();
}

export const changedMeanwhile = () =>
  new ConducktorError(
    'conflict',
    'This is not what the service lists of this tool by now. Read the change again.',
  );

async function findChange(
  tx: PrismaTx,
  tenantId: string,
  idOrName: string,
): Promise<HeldChange | undefined> {
  const { id } = await findTool(tx, tenantId, idOrName);
  const row = await tx.tool.findUniqueOrThrow({
    where: { tenantId_id: { tenantId, id } },
    include: toolView,
  });
  const offered = offeredOf(row);
  if (row.removedAt || !offered) return undefined;
  const isNew = row.definitionHash.length === 0;
  const override = row.classOverride as ToolClass | null;
  const before = row.proposedClass as ToolClass;
  const after = row.offeredClass as ToolClass;
  const proposedClass = isNew ? after : stricter(after, before);
  const change = {
    id,
    name: row.shownName,
    connection: row.connection.slug,
    definitionHash: Buffer.from(row.definitionHash).toString('hex'),
    offered,
    class: { before: isNew ? null : (override ?? before), after: override ?? proposedClass },
    fields: definitionChanges(
      row.definition as Record<string, unknown>,
      row.offeredDefinition as Record<string, unknown>,
    ),
  };
  return { row, change, proposedClass };
}
