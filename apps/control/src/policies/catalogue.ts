import { MANAGEMENT_CONNECTION, MANAGEMENT_TOOLS, type ToolClass } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { entryLabels, type PolicyTool } from '@conducktor/policy';

/**
 * The tools of a workspace as policies see them, by shown name, with Conducktor's own. `removed`: with
 * those that their services do not list any more, as they were last.
 */
export async function readCatalogue(
  tx: PrismaTx,
  tenantId: string,
  { removed = false }: { removed?: boolean } = {},
): Promise<Map<string, PolicyTool>> {
  const rows = await tx.tool.findMany({
    where: { tenantId, ...(removed ? {} : { removedAt: null }) },
    select: {
      shownName: true,
      upstreamName: true,
      proposedClass: true,
      classOverride: true,
      labels: true,
      connection: { select: { slug: true } },
    },
  });
  const own = MANAGEMENT_TOOLS.map(({ name, class: toolClass }): [string, PolicyTool] => [
    name,
    {
      name,
      upstreamName: name,
      connection: MANAGEMENT_CONNECTION,
      class: toolClass,
      labels: [],
    },
  ]);
  return new Map([
    ...own,
    ...rows.map((row): [string, PolicyTool] => [
      row.shownName,
      {
        name: row.shownName,
        upstreamName: row.upstreamName,
        connection: row.connection.slug,
        class: (row.classOverride ?? row.proposedClass) as ToolClass,
        labels: row.labels,
      },
    ]),
  ]);
}

/**
 * What gateways decide on where something else than a tool is asked for: `crm_resources/read`. `labels`: of
 * the tools of each connection.
 */
export function entryTool(
  name: string,
  connection: string | null,
  labels: ReadonlyMap<string, ReadonlySet<string>>,
): PolicyTool | undefined {
  if (connection === null || !name.startsWith(`${connection}_`)) return undefined;
  const method = name.slice(connection.length + 1);
  if (!method.includes('/')) return undefined;
  const ofEntry = entryLabels(method, labels.get(connection) ?? []);
  return { name, upstreamName: method, connection, class: 'read', labels: ofEntry };
}

/** By connection. */
export function labelsOfTools(tools: Iterable<PolicyTool>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { connection, labels } of tools) {
    if (labels.length === 0) continue;
    const known = found.get(connection) ?? new Set();
    found.set(connection, new Set([...known, ...labels]));
  }
  return found;
}
