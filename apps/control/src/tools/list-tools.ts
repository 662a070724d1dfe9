import { StoredPreview, ToolCost, type ToolView } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { effectiveCosts, type EffectiveCost } from '../price-lists/effective-cost.js';

export const toolView = { connection: { select: { slug: true } } } satisfies Prisma.ToolInclude;

export type ToolRow = Prisma.ToolGetPayload<{ include: typeof toolView }>;

/** `effectiveCost`: as price lists are now. */
export function toToolView(row: ToolRow, effectiveCost: EffectiveCost): ToolView {
  const definition = row.definition as Record<string, unknown>;
  const classOverride = row.classOverride as ToolView['classOverride'];
  const proposedClass = row.proposedClass as ToolView['proposedClass'];
  return {
    id: row.id,
    name: row.shownName,
    upstreamName: row.upstreamName,
    connectionId: row.connectionId,
    connection: row.connection.slug,
    description: typeof definition['description'] === 'string' ? definition['description'] : null,
    class: classOverride ?? proposedClass,
    proposedClass,
    classOverride,
    labels: row.labels as ToolView['labels'],
    hidden: row.hidden,
    cost: ToolCost.catch({ kind: 'free' }).parse(row.cost),
    effectiveCost: effectiveCost(row),
    preview: toPreviewView(row.preview),
    status: row.removedAt ? 'removed' : row.offeredHash ? 'quarantined' : 'active',
    definitionHash: Buffer.from(row.definitionHash).toString('hex'),
    definition,
    offered: offeredOf(row),
    createdAt: row.createdAt.toISOString(),
  };
}

/** As an admin wrote it, with tools by their ids. */
export function toPreviewView(stored: Prisma.JsonValue): ToolView['preview'] {
  if (stored === null) return null;
  const { before, after } = StoredPreview.parse(stored);
  const viewOf = (read: NonNullable<typeof before>) => ({
    tool: read.tool,
    arguments: read.arguments,
  });
  return { ...(before && { before: viewOf(before) }), ...(after && { after: viewOf(after) }) };
}

/** What the service lists in place of what is pinned. */
export function offeredOf(row: Prisma.ToolGetPayload<object>): ToolView['offered'] {
  const { offeredHash, offeredAt, offeredRefused } = row;
  if (!offeredHash || !offeredAt) return null;
  return {
    definitionHash: Buffer.from(offeredHash).toString('hex'),
    rejected: offeredRefused,
    at: offeredAt.toISOString(),
  };
}

/** Where tools have this status. */
export const ofStatus = {
  active: { removedAt: null, offeredHash: null },
  quarantined: { removedAt: null, offeredHash: { not: null } },
  removed: { removedAt: { not: null } },
} satisfies Record<ToolView['status'], Prisma.ToolWhereInput>;

/** Tools by shown name: of the workspace, or of one connection. */
export async function listTools(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: { limit: number; cursor?: string | undefined; status?: ToolView['status'] | undefined },
  connectionId?: string,
): Promise<Page<ToolView>> {
  let effectiveCost: EffectiveCost;
  const page = await pageBy(
    query,
    (row: ToolRow) => row.shownName,
    (after, take) =>
      prisma.withTenant(tenantId, async (tx) => {
        effectiveCost = await effectiveCosts(tx, tenantId);
        if (connectionId !== undefined) {
          const where = { tenantId_id: { tenantId, id: connectionId } };
          found(await tx.connection.findUnique({ where }), 'connection');
        }
        return tx.tool.findMany({
          where: {
            tenantId,
            ...(connectionId === undefined ? {} : { connectionId }),
            ...(query.status === undefined ? {} : ofStatus[query.status]),
            ...(after === undefined ? {} : { shownName: { gt: after } }),
          },
          include: toolView,
          orderBy: { shownName: 'asc' },
          take,
        });
      }),
  );
  return { ...page, items: page.items.map((row) => toToolView(row, effectiveCost)) };
}
