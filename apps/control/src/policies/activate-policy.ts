import { ConducktorError } from '@conducktor/contracts';
import { compilePolicy, parsePolicy, runPolicyTests } from '@conducktor/policy';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { readCatalogue } from './catalogue.js';
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
