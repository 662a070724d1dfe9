import type { Connection, PageQuery, UpstreamServer } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { ofStatus } from '../tools/list-tools.js';

/** What is read of a connection: whether it has a secret, never the secret. */
export const connectionView = {
  secret: { select: { updatedAt: true } },
  _count: { select: { tools: { where: ofStatus.active } } },
} satisfies Prisma.ConnectionInclude;

type Row = Prisma.ConnectionGetPayload<{ include: typeof connectionView }>;

export function toView(row: Row): Connection {
  return {
    id: row.id,
    slug: row.slug,
    kind: row.kind as Connection['kind'],
    status: row.status as Connection['status'],
    url: row.url,
    catalog: row.catalog,
    args: row.args as string[],
    timeoutMs: row.timeoutMs,
    scopes: row.scopes as Connection['scopes'],
    statusReason: row.statusReason,
    hasSecret: row.secret !== null,
    server: serverOf(row.server as UpstreamServer | null),
    tools: row._count.tools,
    createdAt: row.createdAt.toISOString(),
  };
}

/** Its instructions are for models and may be long; they are not part of the view. */
function serverOf(server: UpstreamServer | null): Connection['server'] {
  if (server === null) return null;
  const { protocolVersion, capabilities, serverInfo = null } = server;
  return { protocolVersion, capabilities, serverInfo };
}

export async function listConnections(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<Connection>> {
  const page = await pageBy(
    query,
    (row: Row) => row.slug,
    (after, take) =>
      prisma.withTenant(tenantId, (tx) =>
        tx.connection.findMany({
          where: { tenantId, ...(after === undefined ? {} : { slug: { gt: after } }) },
          include: connectionView,
          orderBy: { slug: 'asc' },
          take,
        }),
      ),
  );
  return { ...page, items: page.items.map(toView) };
}

export async function getConnection(
  { prisma }: Pick<Control, 'prisma'>,
  { tenantId }: Caller,
  id: string,
): Promise<Connection> {
  const row = await prisma.withTenant(tenantId, (tx) =>
    tx.connection.findUnique({
      where: { tenantId_id: { tenantId, id } },
      include: connectionView,
    }),
  );
  return toView(found(row, 'connection'));
}
