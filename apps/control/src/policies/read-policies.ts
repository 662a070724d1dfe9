import { PolicyDocument, type PageQuery } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy } from '../http/pages.js';

/** A version from a path or a cursor; undefined when it cannot be one. */
export function versionOf(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

interface Summary {
  version: number;
  createdAt: Date;
  createdBy: string | null;
}

const toSummary = (row: Summary, active: number | null) => ({
  version: row.version,
  active: row.version === active,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
});

export async function listPolicies(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
) {
  let active: number | null = null;
  const page = await pageBy(
    query,
    (row: Summary) => String(row.version),
    (after, take) =>
      prisma.withTenant(tenantId, async (tx) => {
        active = (await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } })).activePolicy;
        return tx.policy.findMany({
          where: {
            tenantId,
            ...(after === undefined ? {} : { version: { lt: versionOf(after) ?? 0 } }),
          },
          select: { version: true, createdAt: true, createdBy: true },
          orderBy: { version: 'desc' },
          take,
        });
      }),
  );
  return { ...page, items: page.items.map((row) => toSummary(row, active)) };
}

export async function getPolicy(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  versionText: string,
) {
  const version = found(versionOf(versionText), 'policy');
  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_version: { tenantId, version } };
    const row = found(await tx.policy.findUnique({ where }), 'policy');
    const { activePolicy } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
    const document = PolicyDocument.parse(row.document);
    return { ...toSummary(row, activePolicy), source: row.source, document };
  });
}
