import {
  assignShownNames,
  definitionHash,
  proposeClass,
  type ToolDefinition,
} from '@conducktor/catalog';
import { newId } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';

export interface ToolChanges {
  added: string[];
  changed: string[];
  removed: string[];
}

/**
 * Makes the catalogue of a connection what the service lists. Tools are known by their upstream name
 * and keep id, shown name and an admin's settings; only rows that differ are written. A tool that is
 * not listed any more is kept as removed when the list is `complete`.
 */
export async function storeTools(
  tx: PrismaTx,
  connection: { tenantId: string; connectionId: string; slug: string },
  definitions: readonly ToolDefinition[],
  { complete }: { complete: boolean },
): Promise<ToolChanges> {
  const { tenantId, connectionId } = connection;
  const rows = await tx.tool.findMany({ where: { tenantId, connectionId } });
  const known = new Map(rows.map((row) => [row.upstreamName, row]));
  const names = assignShownNames(
    connection.slug,
    definitions.map(({ name }) => name),
    new Map(rows.map((row) => [row.upstreamName, row.shownName])),
  );
  const changes: ToolChanges = { added: [], changed: [], removed: [] };

  const additions = [];
  for (const definition of definitions) {
    const shownName = names.get(definition.name)!;
    const pinned = {
      definition: definition as object,
      definitionHash: Uint8Array.from(definitionHash(definition)),
      proposedClass: proposeClass(definition),
      removedAt: null,
    };
    const row = known.get(definition.name);
    known.delete(definition.name);
    if (!row) {
      changes.added.push(shownName);
      const upstreamName = definition.name;
      additions.push({
        tenantId,
        id: newId('tol'),
        connectionId,
        upstreamName,
        shownName,
        ...pinned,
      });
    } else if (row.removedAt || !sameBytes(row.definitionHash, pinned.definitionHash)) {
      (row.removedAt ? changes.added : changes.changed).push(shownName);
      await tx.tool.update({ where: { tenantId_id: { tenantId, id: row.id } }, data: pinned });
    }
  }
  if (additions.length > 0) await tx.tool.createMany({ data: additions });

  const gone = complete ? [...known.values()].filter((row) => row.removedAt === null) : [];
  changes.removed = gone.map((row) => row.shownName);
  if (gone.length > 0)
    await tx.tool.updateMany({
      where: { tenantId, id: { in: gone.map(({ id }) => id) } },
      data: { removedAt: new Date() },
    });
  return changes;
}

const sameBytes = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;
