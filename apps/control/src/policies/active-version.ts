import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { getPolicy } from './read-policies.js';

/** The version that decides now; null while there is none, and then nothing is allowed. */
export async function activeVersion(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Pick<Caller, 'tenantId'>,
): Promise<number | null> {
  const { activePolicy } = await prisma.withTenant(tenantId, (tx) =>
    tx.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { activePolicy: true } }),
  );
  return activePolicy;
}

// Without an active version nothing is allowed; a draft of it begins there.
const NOTHING = 'version: 1\ndefault: deny\nrules: []\n';

/** The text that a draft begins with, and the version that it is of. */
export async function activeSource(
  control: Pick<Control, 'prisma'>,
  caller: Caller,
): Promise<{ basedOn: number | null; source: string }> {
  const basedOn = await activeVersion(control, caller);
  if (basedOn === null) return { basedOn, source: NOTHING };
  return { basedOn, source: (await getPolicy(control, caller, String(basedOn))).source };
}
