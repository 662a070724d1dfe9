import { ConducktorError, PolicyDocument } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';

/**
 * Throws `conflict` when the active policy has a rule for this group: without the group, a rule that
 * denies its people something would quietly stop to do so, and what they are to approve would wait in vain.
 */
export async function requireNoRuleNames(
  tx: PrismaTx,
  tenantId: string,
  group: string,
): Promise<void> {
  const { activePolicy } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
  if (activePolicy === null) return;
  const policy = await tx.policy.findUniqueOrThrow({
    where: { tenantId_version: { tenantId, version: activePolicy } },
  });
  const quoted = [`"${group}"`, `'${group}'`];
  const rule = PolicyDocument.parse(policy.document).rules.find(
    ({ when, approvers }) =>
      when.groups?.includes(group) ||
      approvers?.group === group ||
      quoted.some((each) => when.if?.includes(each)),
  );
  if (rule)
    throw new ConducktorError(
      'conflict',
      `The rule "${rule.id}" of the active policy names the group "${group}"; activate a policy without it first.`,
    );
}
