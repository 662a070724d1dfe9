import type { Prisma, PrismaTx } from '@conducktor/db';
import { found } from '../http/not-found.js';

const ID = /^tol_[0-9A-Za-z]{22}$/;

/** By id or shown name. The id counts first: a name could have been made to look like one. */
export async function findTool(
  tx: PrismaTx,
  tenantId: string,
  idOrName: string,
): Promise<Prisma.ToolGetPayload<object>> {
  const byId = ID.test(idOrName)
    ? await tx.tool.findUnique({ where: { tenantId_id: { tenantId, id: idOrName } } })
    : null;
  return found(
    byId ?? (await tx.tool.findFirst({ where: { tenantId, shownName: idOrName } })),
    'tool',
  );
}
