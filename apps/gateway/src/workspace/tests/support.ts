import { compilePolicy, parsePolicy } from '@conducktor/policy';
import type { ConnectionEntry, ToolsetEntry, Workspace } from '../types.js';

/** A connection as a snapshot has it, with tools of these upstream names. */
export function connectionEntry(
  slug: string,
  upstreamNames: string[],
  more: Partial<Pick<ConnectionEntry, 'capabilities'>> = {},
): ConnectionEntry {
  const connection: ConnectionEntry = {
    id: `con_${slug}`,
    slug,
    timeoutMs: 1_000,
    revision: 1,
    capabilities: {},
    ...more,
    tools: [],
  };
  connection.tools = upstreamNames.toSorted().map((upstreamName) => ({
    id: `tol_${slug}_${upstreamName}`,
    shownName: `${slug}_${upstreamName.replaceAll('.', '_')}`,
    upstreamName,
    connection,
    class: 'read',
    labels: [],
    definition: { name: upstreamName, inputSchema: { type: 'object' } },
    definitionHash: '',
  }));
  return connection;
}

/** A snapshot of these connections, as `loadWorkspace` makes one. */
export function workspaceOf(
  connections: ConnectionEntry[],
  policy: object = { version: 1, default: 'allow', rules: [] },
  toolsets: ToolsetEntry[] = [],
): Workspace {
  const tools = connections
    .flatMap((connection) => connection.tools)
    .toSorted((one, other) => (one.shownName < other.shownName ? -1 : 1));
  return {
    tenantId: 'ten_1',
    version: 1,
    name: 'Test',
    limitProfile: 'host',
    currency: 'USD',
    members: new Map(),
    apiKeys: new Map(),
    revokedGrants: new Set(),
    connections: connections.toSorted((one, other) => (one.slug < other.slug ? -1 : 1)),
    toolsets,
    tools: new Map(tools.map((tool) => [tool.shownName, tool])),
    ownTools: [],
    policyVersion: 1,
    policy: compilePolicy(parsePolicy(policy)),
  };
}
