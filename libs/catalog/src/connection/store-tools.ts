import { newId } from '@conducktor/contracts';
import {
  holdTools,
  insertTools,
  markToolsRemoved,
  pinnedDefinitions,
  readmitTools,
  relistTools,
  toolChangesOf,
  toolsOfConnection,
  type AddedTool,
  type ListedTool,
  type TenantTx,
} from '@conducktor/db';
import { definitionChanges } from '../definition-changes.js';
import { assignShownNames } from '../names.js';
import { proposeClass } from '../propose-class.js';
import type { ReadTool } from './read-tools.js';

/** Shown names. */
export interface ToolChanges {
  /** Listed and callable now: new, or there again as they were. */
  added: string[];
  /** Held back until an admin accepts them, and the fields (JSON Pointers) in which they differ. */
  quarantined: { tool: string; fields: string[] }[];
  /** Listed as they are pinned again, and no longer held back. */
  restored: string[];
  removed: string[];
}

// What an event tells, however much a service changes; REST has the whole.
const MAX_TOLD_TOOLS = 20;
const MAX_TOLD_FIELDS = 20;
const MAX_TOLD_PATH = 120;

/**
 * Makes the catalogue of a connection what the service lists, as far as a person has agreed to it. Tools
 * are known by their upstream name and keep id, shown name and an admin's settings; only rows that differ
 * are written. A tool whose definition is not the pinned one is held back, and so is one that is new,
 * unless the workspace takes additions or this is the first that a person (`attended`) takes over from
 * this service. A tool that is not listed any more is kept as removed when the list is `complete`.
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
  const changes: ToolChanges = { added: [], quarantined: [], restored: [], removed: [] };

  const additions: AddedTool[] = [];
  const held: (ListedTool & { shownName: string })[] = [];
  const readmitted: string[] = [];
  const relisted: string[] = [];
  for (const { definition, hash } of tools) {
    const upstreamName = definition.name;
    const shownName = names.get(upstreamName)!;
    const row = known.get(upstreamName);
    known.delete(upstreamName);
    const listed = { definition, definitionHash: hash, proposedClass: proposeClass(definition) };
    if (!row) {
      additions.push({ id: newId('tol'), upstreamName, shownName, ...listed });
    } else if (row.definitionHash.toString('hex') === hash) {
      if (!row.removed && row.offeredHash === null) continue;
      readmitted.push(row.id);
      (row.removed ? changes.added : changes.restored).push(shownName);
    } else if (row.offeredHash?.toString('hex') === hash) {
      if (!row.removed) continue;
      relisted.push(row.id);
      changes.quarantined.push({ tool: shownName, fields: [] });
    } else {
      held.push({ id: row.id, shownName, ...listed });
    }
  }
  const pinned =
    additions.length > 0 &&
    ((attended && rows.length === 0) || (await toolChangesOf(tx)) === 'additive');
  const added = additions.map(({ shownName }) => shownName);
  if (pinned) changes.added.push(...added);
  else changes.quarantined.push(...added.map((tool) => ({ tool, fields: [] })));
  changes.quarantined.push(...(await told(tx, held)));
  await insertTools(tx, connection.id, additions, { pinned });
  await holdTools(tx, held);
  await readmitTools(tx, readmitted);
  await relistTools(tx, relisted);

  const gone = complete ? [...known.values()].filter((row) => !row.removed) : [];
  changes.removed = gone.map((row) => row.shownName);
  await markToolsRemoved(
    tx,
    gone.map((row) => row.id),
  );
  return changes;
}

async function told(
  tx: TenantTx,
  held: readonly (ListedTool & { shownName: string })[],
): Promise<ToolChanges['quarantined']> {
  const first = held.slice(0, MAX_TOLD_TOOLS);
  const pinned = await pinnedDefinitions(
    tx,
    first.map(({ id }) => id),
  );
  return held.map(({ id, shownName, definition }) => {
    const before = pinned.get(id);
    const fields = before ? definitionChanges(before, definition) : [];
    return {
      tool: shownName,
      fields: fields
        .slice(0, MAX_TOLD_FIELDS)
        .map(({ path }) => path.slice(0, MAX_TOLD_PATH).toWellFormed()),
    };
  });
}
