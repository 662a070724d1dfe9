import { compilePolicy, parsePolicy } from '@conducktor/policy';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

/** Stores an immutable version. Throws PolicyError, naming rule and field, for one that cannot work. */
export async function createPolicy(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  source: string | Record<string, unknown>,
): Promise<{ version: number }> {
  const { tenantId } = caller;
  const document = parsePolicy(source);
  compilePolicy(document);
  return prisma.withTenant(tenantId, async (tx) => {
    // Numbers are given out one at a time.
    await tx.$queryRaw`select from tenant where id = ${tenantId} for update`;
    const newest = await tx.policy.aggregate({ where: { tenantId }, _max: { version: true } });
    const version = (newest._max.version ?? 0) + 1;
    await tx.policy.createMany({
      data: [
        {
          tenantId,
          version,
          document: document as object,
          source: typeof source === 'string' ? source : JSON.stringify(source, null, 2),
          createdBy: caller.memberId,
        },
      ],
    });
    await recordChange(tx, caller, 'policy.create', { version, rules: document.rules.length });
    return { version };
  });
}
