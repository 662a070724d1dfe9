import {
  ConducktorError,
  MANAGEMENT_CONNECTION,
  MANAGEMENT_TOOLS,
  type ToolClass,
} from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { compilePolicy, parsePolicy, runPolicyTests, type PolicyTool } from '@conducktor/policy';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { versionOf } from './read-policies.js';

/**
 * Makes a version the active one if its own tests pass against the catalogue as it is. Gateways
 * decide by it within a second, since the change bumps the workspace's version.
 */
export async function activatePolicy(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  versionText: string,
) {
  const { tenantId } = caller;
  const version = found(versionOf(versionText), 'policy');
  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_version: { tenantId, version } };
    const row = found(await tx.policy.findUnique({ where }), 'policy');
    const document = parsePolicy(row.document as object);
    const catalogue = await readCatalogue(tx, tenantId);
    const results = runPolicyTests(compilePolicy(document), document.tests, (name) =>
      catalogue.get(name),
    );
    const failed = results.filter(({ passed }) => !passed);
    if (failed.length > 0)
      throw new ConducktorError(
        'conflict',
        `Policy ${version} was not activated: ${failed.length} of its ${results.length} tests failed. ` +
          failed
            .slice(0, 5)
            .map(({ name, sentence }) => `${name}: ${sentence}`)
            .join(' '),
        { detail: { tests: failed.slice(0, 50) } },
      );
    const { activePolicy } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
    await tx.tenant.update({ where: { id: tenantId }, data: { activePolicy: version } });
    await recordChange(tx, caller, 'policy.activate', { version, previous: activePolicy });
    return { version, active: true as const, testsPassed: results.length };
  });
}

async function readCatalogue(tx: PrismaTx, tenantId: string): Promise<Map<string, PolicyTool>> {
  const rows = await tx.tool.findMany({
    where: { tenantId, removedAt: null },
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
