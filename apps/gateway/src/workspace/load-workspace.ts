import {
  ConducktorError,
  type DeclaredScope,
  type FreezeKind,
  type ToolCost,
} from '@conducktor/contracts';
import type { Db, TenantTx } from '@conducktor/db';
import { compilePolicy, parsePolicy } from '@conducktor/policy';
import { compileScopes } from './declared-scopes.js';
import type {
  ApiKeyEntry,
  ConnectionEntry,
  Frozen,
  Member,
  Tool,
  ToolClass,
  ToolsetEntry,
  Workspace,
} from './types.js';

// Longer than any access token lives (60 minutes by default, a day at most).
const REVOKED_WINDOW = '25 hours';
// Characters; a model reads them with every conversation.
const MAX_INSTRUCTIONS = 4_000;

/**
 * Reads and compiles one workspace. The version is read first: rows that are newer than it only make
 * the tick refuse the snapshot, never accept it wrongly.
 */
export function loadWorkspace(
  db: Db,
  tenantId: string,
  ownTools: readonly Tool[],
): Promise<Workspace> {
  return db.withTenant(tenantId, async (tx) => {
    const version = await tx.query<{ version: string }>('select version from tenant_version');
    const tenant = await tx.query<{
      name: string;
      limit_profile: Workspace['limitProfile'];
      document: unknown;
    }>(
      `select t.name, t.limit_profile, p.document from tenant t
         left join policy p on p.tenant_id = t.id and p.version = t.active_policy`,
    );
    const row = tenant.rows[0];
    if (!row || !version.rows[0]) {
      throw new ConducktorError(
        'unauthenticated',
        'Sign in again: this workspace does not exist any more.',
      );
    }
    const frozen = await loadFrozen(tx);
    return {
      tenantId,
      version: Number(version.rows[0].version),
      name: row.name,
      limitProfile: row.limit_profile,
      members: await loadMembers(tx),
      apiKeys: await loadApiKeys(tx),
      revokedGrants: await loadRevokedGrants(tx),
      frozen: frozen.subjects,
      ...(await loadCatalogue(tx, frozen.connections)),
      toolsets: await loadToolsets(tx),
      ownTools,
      // Without an active policy nothing is allowed.
      policy: compilePolicy(
        parsePolicy(row.document ?? { version: 1, default: 'deny', rules: [] }),
      ),
    };
  });
}

async function loadMembers(tx: TenantTx): Promise<Map<string, Member>> {
  const { rows } = await tx.query<{
    id: string;
    user_id: string;
    email: string;
    roles: string[];
    groups: string[];
  }>(
    `select m.id, m.user_id, m.email, m.roles,
            coalesce((select array_agg(g.name order by g.name) from group_membership gm
                        join workspace_group g on g.tenant_id = gm.tenant_id and g.id = gm.group_id
                       where gm.tenant_id = m.tenant_id and gm.member_id = m.id), '{}') as groups
       from member m where m.disabled_at is null`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { id: row.id, userId: row.user_id, email: row.email, roles: row.roles, groups: row.groups },
    ]),
  );
}

async function loadApiKeys(tx: TenantTx): Promise<Map<string, ApiKeyEntry>> {
  const { rows } = await tx.query<{ id: string; member_id: string }>(
    'select id, member_id from api_key where revoked_at is null',
  );
  return new Map(rows.map((row) => [row.id, { id: row.id, memberId: row.member_id }]));
}

async function loadRevokedGrants(tx: TenantTx): Promise<Set<string>> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from oauth_grant where revoked_at > now() - interval '${REVOKED_WINDOW}'`,
  );
  return new Set(rows.map((row) => row.id));
}

/** Reasons: of connections by their ids, and of everything else if there is anything. */
async function loadFrozen(
  tx: TenantTx,
): Promise<{ connections: ReadonlyMap<string, string>; subjects: Frozen | undefined }> {
  const { rows } = await tx.query<{ kind: FreezeKind; subject_id: string; reason: string }>(
    'select kind, subject_id, reason from frozen',
  );
  const of = (kind: FreezeKind) =>
    new Map(rows.flatMap((row) => (row.kind === kind ? [[row.subject_id, row.reason]] : [])));
  const connections = of('connection');
  if (connections.size === rows.length) return { connections, subjects: undefined };
  const [workspace] = of('workspace').values();
  return { connections, subjects: { workspace, members: of('member'), clients: of('client') } };
}

async function loadCatalogue(
  tx: TenantTx,
  frozen: ReadonlyMap<string, string>,
): Promise<Pick<Workspace, 'connections' | 'tools'>> {
  const connections = await tx.query<{
    id: string;
    slug: string;
    timeout_ms: number;
    revision: string;
    capabilities: Record<string, unknown> | null;
    instructions: string | null;
    scopes: DeclaredScope[];
  }>(
    `select id, slug, timeout_ms, revision, scopes, server->'capabilities' as capabilities,
            left(server->>'instructions', ${MAX_INSTRUCTIONS}) as instructions
       from connection order by slug collate "C"`,
  );
  const byId = new Map<string, ConnectionEntry>(
    connections.rows.map((row) => [
      row.id,
      {
        id: row.id,
        slug: row.slug,
        timeoutMs: row.timeout_ms,
        revision: Number(row.revision),
        capabilities: row.capabilities ?? {},
        instructions: row.instructions ?? undefined,
        frozen: frozen.get(row.id),
        scopesOf: compileScopes(row.scopes),
        tools: [],
      },
    ]),
  );
  const { rows } = await tx.query<{
    id: string;
    connection_id: string;
    upstream_name: string;
    shown_name: string;
    definition: Record<string, unknown>;
    definition_hash: Buffer;
    class: ToolClass;
    labels: string[];
    cost: ToolCost | null;
    quarantined: boolean;
  }>(
    `select id, connection_id, upstream_name, shown_name, definition_hash,
            case when offered_hash is null then definition else '{}' end as definition,
            coalesce(class_override, proposed_class) as class, labels, cost, offered_hash is not null as quarantined
       from tool where removed_at is null and not hidden order by shown_name collate "C"`,
  );
  const tools = new Map(
    rows.flatMap((row) => {
      const connection = byId.get(row.connection_id);
      if (!connection) return [];
      const tool: Tool = {
        id: row.id,
        shownName: row.shown_name,
        upstreamName: row.upstream_name,
        connection,
        class: row.class,
        labels: row.labels,
        definition: row.definition,
        definitionHash: row.definition_hash.toString('hex'),
        scopes: connection.scopesOf?.(row.upstream_name),
        costMicros: row.cost?.kind === 'flat' ? row.cost.micros : undefined,
      };
      if (row.quarantined) {
        (connection.quarantined ??= []).push(tool);
        return [];
      }
      connection.tools.push(tool);
      return [[tool.shownName, tool] as const];
    }),
  );
  return { connections: [...byId.values()], tools };
}

async function loadToolsets(tx: TenantTx): Promise<ToolsetEntry[]> {
  const { rows } = await tx.query<ToolsetEntry>(
    'select slug, tools, prefix, mode from toolset order by slug collate "C"',
  );
  return rows;
}
