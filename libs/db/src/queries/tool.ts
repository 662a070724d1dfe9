import type { ToolClass } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

export interface CatalogueTool {
  id: string;
  upstreamName: string;
  shownName: string;
  definitionHash: Buffer;
  proposedClass: ToolClass;
  /** Of the definition that waits for an admin; null: none does. */
  offeredHash: Buffer | null;
  removed: boolean;
}

/** A definition as a service lists it. */
export interface ListedTool {
  id: string;
  definition: Record<string, unknown>;
  /** SHA-256, hexadecimal. */
  definitionHash: string;
  proposedClass: ToolClass;
}

export interface AddedTool extends ListedTool {
  upstreamName: string;
  shownName: string;
}

/** All that the connection ever listed, removed ones too. */
export async function toolsOfConnection(
  tx: TenantTx,
  connectionId: string,
): Promise<CatalogueTool[]> {
  const { rows } = await tx.query<CatalogueTool>(
    `select id, upstream_name as "upstreamName", shown_name as "shownName",
            definition_hash as "definitionHash", proposed_class as "proposedClass",
            offered_hash as "offeredHash", removed_at is not null as removed
       from tool where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, connectionId],
  );
  return rows;
}

/** `pinned: false`: the tools wait for an admin, and have no definition of their own until then. */
export async function insertTools(
  tx: TenantTx,
  connectionId: string,
  tools: readonly AddedTool[],
  { pinned }: { pinned: boolean },
): Promise<void> {
  if (tools.length === 0) return;
  const columns = pinned
    ? `definition, definition_hash, proposed_class`
    : `offered_definition, offered_hash, proposed_class, offered_class, offered_at, definition, definition_hash`;
  const waiting = pinned ? '' : `, x."proposedClass", now(), '{}', ''`;
  await tx.query(
    `insert into tool (tenant_id, connection_id, id, upstream_name, shown_name, ${columns})
     select $1, $2, x.id, x."upstreamName", x."shownName", x.definition, decode(x."definitionHash", 'hex'), x."proposedClass"${waiting}
       from jsonb_to_recordset($3::jsonb) as x(
         id text, "upstreamName" text, "shownName" text, definition jsonb, "definitionHash" text, "proposedClass" text)`,
    [tx.tenantId, connectionId, JSON.stringify(tools)],
  );
}

/** These are listed with other definitions than the pinned ones, which are held back from now on. */
export async function holdTools(tx: TenantTx, tools: readonly ListedTool[]): Promise<void> {
  if (tools.length === 0) return;
  await tx.query(
    `update tool t
        set offered_definition = x.definition, offered_hash = decode(x."definitionHash", 'hex'),
            offered_class = x."proposedClass", offered_at = now(), offered_refused = false, removed_at = null
       from jsonb_to_recordset($2::jsonb) as x(
         id text, definition jsonb, "definitionHash" text, "proposedClass" text)
      where t.tenant_id = $1 and t.id = x.id`,
    [tx.tenantId, JSON.stringify(tools)],
  );
}

/** These are listed again as they were when they were removed: held back or not. */
export async function relistTools(tx: TenantTx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    'update tool set removed_at = null where tenant_id = $1 and id = any($2::text[])',
    [tx.tenantId, ids],
  );
}

/** These are listed with their pinned definitions: nothing is held back of them any more. */
export async function readmitTools(tx: TenantTx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    `update tool
        set offered_definition = null, offered_hash = null, offered_class = null, offered_at = null,
            offered_refused = false, removed_at = null
      where tenant_id = $1 and id = any($2::text[])`,
    [tx.tenantId, ids],
  );
}

/** What is pinned of these tools, by id. */
export async function pinnedDefinitions(
  tx: TenantTx,
  ids: readonly string[],
): Promise<Map<string, Record<string, unknown>>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<{ id: string; definition: Record<string, unknown> }>(
    'select id, definition from tool where tenant_id = $1 and id = any($2::text[])',
    [tx.tenantId, ids],
  );
  return new Map(rows.map(({ id, definition }) => [id, definition]));
}

/** Whether tools that a service adds wait for an admin like changed ones, or are taken over at once. */
export async function toolChangesOf(tx: TenantTx): Promise<'strict' | 'additive'> {
  const { rows } = await tx.query<{ toolChanges: 'strict' | 'additive' }>(
    'select tool_changes as "toolChanges" from tenant where id = $1',
    [tx.tenantId],
  );
  return rows[0]?.toolChanges ?? 'strict';
}

export async function markToolsRemoved(tx: TenantTx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    'update tool set removed_at = now() where tenant_id = $1 and id = any($2::text[])',
    [tx.tenantId, ids],
  );
}

/**
 * Pins what is held back of a tool, if it still is this very definition (SHA-256) that the service lists.
 * Resolves with whether it was.
 */
export async function acceptOffered(
  tx: TenantTx,
  id: string,
  hash: Buffer,
  proposedClass: ToolClass,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update tool
        set definition = offered_definition, definition_hash = offered_hash, proposed_class = $4,
            offered_definition = null, offered_hash = null, offered_class = null, offered_at = null,
            offered_refused = false
      where tenant_id = $1 and id = $2 and offered_hash = $3 and removed_at is null`,
    [tx.tenantId, id, hash, proposedClass],
  );
  return rowCount === 1;
}

/** Notes that an admin does not want this very definition; the tool stays held back. Resolves as above. */
export async function refuseOffered(tx: TenantTx, id: string, hash: Buffer): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update tool set offered_refused = true
      where tenant_id = $1 and id = $2 and offered_hash = $3 and removed_at is null`,
    [tx.tenantId, id, hash],
  );
  return rowCount === 1;
}
