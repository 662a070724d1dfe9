import { ConducktorError } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import { compilePolicy, parsePolicy } from '@conducktor/policy';
import { WorkspaceBudgets } from '../budgets/workspace-budgets.js';
import { CallLimits } from '../limits/call-limits.js';
import { WorkspacePrices } from '../price/workspace-prices.js';
import { compileScopes } from './declared-scopes.js';
import type { ConnectionEntry, Frozen, Tool, Workspace } from './types.js';
import { WORKSPACE_ROWS, type FrozenRow, type WorkspaceRows } from './workspace-rows.js';

/**
 * Reads and compiles one workspace, all of it as of one moment: what changed since makes the tick refuse
 * the snapshot. Rejects with `unauthenticated` where there is no such workspace.
 */
export async function loadWorkspace(
  db: Db,
  tenantId: string,
  ownTools: readonly Tool[],
): Promise<Workspace> {
  const { rows } = await db.withTenant(tenantId, (tx) => tx.query<WorkspaceRows>(WORKSPACE_ROWS));
  const [found] = rows;
  if (!found) {
    throw new ConducktorError(
      'unauthenticated',
      'Sign in again: this workspace does not exist any more.',
    );
  }
  const frozen = frozenOf(found.frozen);
  return {
    tenantId,
    version: Number(found.version),
    name: found.name,
    limitProfile: found.limitProfile,
    limits: found.limits.length > 0 ? new CallLimits(tenantId, found.limits) : undefined,
    currency: found.currency,
    budgets:
      found.budgets.length > 0
        ? new WorkspaceBudgets(found.budgets, found.zone, found.days)
        : undefined,
    members: new Map(found.members.map((member) => [member.id, member])),
    apiKeys: new Map(found.apiKeys.map((key) => [key.id, key])),
    revokedGrants: new Set(found.revokedGrants),
    frozen: frozen.subjects,
    ...catalogueOf(found, frozen.connections),
    prices: hasPrices(found) ? new WorkspacePrices(found.priceLists) : undefined,
    toolsets: found.toolsets,
    ownTools,
    policyVersion: found.policyVersion ?? 0,
    // Without an active policy nothing is allowed.
    policy: compilePolicy(
      parsePolicy(found.document ?? { version: 1, default: 'deny', rules: [] }),
    ),
  };
}

const hasPrices = ({ priceLists, tools }: WorkspaceRows) =>
  priceLists.length > 0 || tools.some(({ cost }) => cost !== null);

/** Reasons: of connections by their ids, and of everything else if there is anything. */
function frozenOf(rows: readonly FrozenRow[]): {
  connections: ReadonlyMap<string, string>;
  subjects: Frozen | undefined;
} {
  const of = (kind: FrozenRow['kind']) =>
    new Map(rows.flatMap((row) => (row.kind === kind ? [[row.subjectId, row.reason]] : [])));
  const connections = of('connection');
  if (connections.size === rows.length) return { connections, subjects: undefined };
  const [workspace] = of('workspace').values();
  return { connections, subjects: { workspace, members: of('member'), clients: of('client') } };
}

function catalogueOf(
  found: WorkspaceRows,
  frozen: ReadonlyMap<string, string>,
): Pick<Workspace, 'connections' | 'tools'> {
  const byId = new Map<string, ConnectionEntry>(
    found.connections.map(({ scopes, capabilities, instructions, labels, ...connection }) => [
      connection.id,
      {
        ...connection,
        capabilities: capabilities ?? {},
        instructions: instructions ?? undefined,
        frozen: frozen.get(connection.id),
        scopesOf: compileScopes(scopes),
        labels: labels ?? undefined,
        tools: [],
      },
    ]),
  );
  const tools = new Map(
    found.tools.flatMap(({ connectionId, cost, preview, quarantined, ...row }) => {
      const connection = byId.get(connectionId);
      if (!connection) return [];
      const tool: Tool = {
        ...row,
        connection,
        scopes: connection.scopesOf?.(row.upstreamName),
        cost: cost ?? undefined,
        preview: preview ?? undefined,
      };
      if (quarantined) {
        (connection.quarantined ??= []).push(tool);
        return [];
      }
      connection.tools.push(tool);
      return [[tool.shownName, tool] as const];
    }),
  );
  return { connections: [...byId.values()], tools };
}
