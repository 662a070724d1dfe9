import { newId, type ToolClass } from '@conducktor/contracts';
import {
  insertTools,
  markToolsRemoved,
  pinTools,
  toolsOfConnection,
  type AddedTool,
  type PinnedTool,
  type TenantTx,
} from '@conducktor/db';
import { assignShownNames } from '../names.js';
import { proposeClass } from '../propose-class.js';
import type { ReadTool } from './read-tools.js';

/** Shown names. */
export interface ToolChanges {
  added: string[];
  changed: string[];
  removed: string[];
}

/**
 * Makes the catalogue of a connection what the service lists. Tools are known by their upstream name
 * and keep id, shown name and an admin's settings; only rows that differ are written. A tool that is
 * not listed any more is kept as removed when the list is `complete`. Unless somebody looks on
 * (`attended`), a tool known before never gets a milder class: its word for that is the service's own.
 * The connection must be locked.
 */
export async function storeTools(
  tx: TenantTx,
  connection: { id: string; slug: string },
  tools: readonly ReadTool[],
  { complete, attended }: { complete: boolean; attended: boolean },
): Promise<ToolChanges> {
  const rows = await toolsOfConnection(tx, connection.id);
  const known = new Map(rows.map((row) => [row.upstreamName, row]));
  const names = assignShownNames(
    connection.slug,
    tools.map(({ definition }) => definition.name),
    new Map(rows.map((row) => [row.upstreamName, row.shownName])),
  );
  const changes: ToolChanges = { added: [], changed: [], removed: [] };

  const additions: AddedTool[] = [];
  const pinned: PinnedTool[] = [];
  for (const { definition, hash } of tools) {
    const upstreamName = definition.name;
    const shownName = names.get(upstreamName)!;
    const row = known.get(upstreamName);
    known.delete(upstreamName);
    const proposed = proposeClass(definition);
    const proposedClass = row && !attended ? stricter(proposed, row.proposedClass) : proposed;
    if (
      row &&
      !row.removed &&
      row.definitionHash.toString('hex') === hash &&
      row.proposedClass === proposedClass
    )
      continue;
    (!row || row.removed ? changes.added : changes.changed).push(shownName);
    const pin = { definition, definitionHash: hash, proposedClass };
    if (row) pinned.push({ id: row.id, ...pin });
    else additions.push({ id: newId('tol'), upstreamName, shownName, ...pin });
  }
  await insertTools(tx, connection.id, additions);
  await pinTools(tx, pinned);

  const gone = complete ? [...known.values()].filter((row) => !row.removed) : [];
  changes.removed = gone.map((row) => row.shownName);
  await markToolsRemoved(
    tx,
    gone.map(({ id }) => id),
  );
  return changes;
}

const STRICTNESS: readonly ToolClass[] = ['read', 'write', 'destructive'];

const stricter = (one: ToolClass, other: ToolClass): ToolClass =>
  STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other) ? one : other;
