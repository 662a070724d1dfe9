import { setImmediate } from 'node:timers/promises';
import { ConducktorError, type PolicyDocument } from '@conducktor/contracts';
import {
  compilePolicy,
  parsePolicy,
  policyTests,
  type PolicyTestResult,
  type PolicyTool,
} from '@conducktor/policy';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { readCatalogue } from './catalogue.js';
import { versionOf } from './read-policies.js';

// Five hundred tests of the rules that people write take a fraction of it.
const MAX_TESTS_MS = 3_000;

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
  // A version never changes, so its tests are run before anything is locked.
  const { row, catalogue } = await prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_version: { tenantId, version } };
    return {
      row: found(await tx.policy.findUnique({ where }), 'policy'),
      catalogue: await readCatalogue(tx, tenantId),
    };
  });
  const results = await resultsOf(parsePolicy(row.document as object), catalogue);
  const why = results === 'too-long' ? TOO_LONG : failureOf(results);
  if (why)
    throw new ConducktorError('conflict', `Policy ${version} was not activated: ${why.sentence}`, {
      detail: { tests: why.tests },
    });
  return prisma.withTenant(tenantId, async (tx) => {
    // One after the other, so that each record tells what it replaced.
    await tx.$queryRaw`select from tenant where id = ${tenantId} for update`;
    const { activePolicy } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
    await tx.tenant.update({ where: { id: tenantId }, data: { activePolicy: version } });
    await recordChange(tx, caller, 'policy.activate', { version, previous: activePolicy });
    return { version, active: true as const, testsPassed: results.length };
  });
}

/** Between two tests others get their turn. */
async function resultsOf(
  document: PolicyDocument,
  catalogue: ReadonlyMap<string, PolicyTool>,
): Promise<PolicyTestResult[] | 'too-long'> {
  const results: PolicyTestResult[] = [];
  let spentMs = 0;
  let since = performance.now();
  const resolveTool = (name: string) => catalogue.get(name);
  for (const result of policyTests(compilePolicy(document), document.tests, resolveTool)) {
    results.push(result);
    spentMs += performance.now() - since;
    if (spentMs > MAX_TESTS_MS) return 'too-long';
    await setImmediate();
    since = performance.now();
  }
  return results;
}

interface Failure {
  sentence: string;
  tests: PolicyTestResult[];
}

const TOO_LONG: Failure = {
  sentence: `its tests take longer than ${MAX_TESTS_MS / 1_000} s. Make them fewer, or their arguments smaller.`,
  tests: [],
};

function failureOf(results: readonly PolicyTestResult[]): Failure | undefined {
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length === 0) return undefined;
  const first = failed.slice(0, 5).map(({ name, sentence }) => `${name}: ${sentence}`);
  return {
    sentence: `${failed.length} of its ${results.length} tests failed. ${first.join(' ')}`,
    tests: failed.slice(0, 50),
  };
}
