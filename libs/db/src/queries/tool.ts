import type { ToolClass } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

export interface CatalogueTool {
  id: string;
  upstreamName: string;
  shownName: string;
  definitionHash: Buffer;
  proposedClass: ToolClass;
  removed: boolean;
}

/** What is pinned of a tool when it is taken over from its service. */
export interface PinnedTool {
  id: string;
  definition: Record<string, unknown>;
  /** SHA-256, hexadecimal. */
  definitionHash: string;
  proposedClass: ToolClass;
}

export interface AddedTool extends PinnedTool {
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
            definition_hash as "definitionHash", proposed_class as "proposedClass", removed_at is not null as removed
       from tool where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, connectionId],
  );
  return rows;
}

export async function insertTools(
  tx: TenantTx,
  connectionId: string,
  tools: readonly AddedTool[],
): Promise<void> {
  if (tools.length === 0) return;
  await tx.query(
    `insert into tool (tenant_id, connection_id, id, upstream_name, shown_name, definition, definition_hash, proposed_class)
     select $1, $2, x.id, x."upstreamName", x."shownName", x.definition, decode(x."definitionHash", 'hex'), x."proposedClass"
       from jsonb_to_recordset($3::jsonb) as x(
         id text, "upstreamName" text, "shownName" text, definition jsonb, "definitionHash" text, "proposedClass" text)`,
    [tx.tenantId, connectionId, JSON.stringify(tools)],
  );
}

/** Pins these definitions anew; a tool that was removed is there again. */
export async function pinTools(tx: TenantTx, tools: readonly PinnedTool[]): Promise<void> {
  if (tools.length === 0) return;
  await tx.query(
    `update tool t
        set definition = x.definition, definition_hash = decode(x."definitionHash", 'hex'),
            proposed_class = x."proposedClass", removed_at = null
       from jsonb_to_recordset($2::jsonb) as x(
         id text, definition jsonb, "definitionHash" text, "proposedClass" text)
      where t.tenant_id = $1 and t.id = x.id`,
    [tx.tenantId, JSON.stringify(tools)],
  );
}

export async function markToolsRemoved(tx: TenantTx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    'update tool set removed_at = now() where tenant_id = $1 and id = any($2::text[])',
    [tx.tenantId, ids],
  );
}
