import type { ConnectionTested, RefreshResult } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { readTools } from './read-tools.js';
import { storeTools } from './store-tools.js';

const MAX_REASON = 500;

/**
 * Has the connection's worker connect and list tools, and takes over what it lists in one
 * transaction. A service that does not answer keeps the tools it had: calls say what is wrong.
 */
export async function testConnection(
  { prisma, workers }: Pick<Control, 'prisma' | 'workers'>,
  caller: Caller,
  id: string,
): Promise<ConnectionTested> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    found(
      await tx.connection.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      'connection',
    );
  });
  // Outside a transaction: starting a server may take a minute.
  const refreshed = await workers.refresh({ tenantId, connectionId: id });
  return prisma.withTenant(tenantId, (tx) => takeOver(tx, caller, id, refreshed));
}

async function takeOver(tx: PrismaTx, caller: Caller, id: string, refreshed: RefreshResult) {
  const { tenantId } = caller;
  // Two tests at once take over one after the other.
  await tx.$queryRaw`select from connection where tenant_id = ${tenantId} and id = ${id} for update`;
  const where = { tenantId_id: { tenantId, id } };
  const { slug } = found(await tx.connection.findUnique({ where }), 'connection');

  const answered = refreshed.status === 'ACTIVE' || refreshed.status === 'DEGRADED';
  const { definitions, refusals } = readTools(answered ? refreshed.tools : []);
  const changes = answered
    ? await storeTools(tx, { tenantId, connectionId: id, slug }, definitions, {
        // A list that the worker had to cut says nothing about what it lacks.
        complete: refreshed.status === 'ACTIVE',
      })
    : undefined;

  const reason = [refreshed.reason, ...refusals]
    .filter((each) => each !== undefined)
    .join(' ')
    .slice(0, MAX_REASON);
  const status =
    refreshed.status === 'ACTIVE' && refusals.length > 0 ? 'DEGRADED' : refreshed.status;
  await tx.connection.update({ where, data: { status, statusReason: reason || null } });
  await recordChange(tx, caller, 'connection.test', {
    connection: slug,
    connectionId: id,
    status,
    ...(reason ? { reason } : {}),
    ...changes,
  });
  const tools = await tx.tool.count({ where: { tenantId, connectionId: id, removedAt: null } });
  return { status, ...(reason ? { reason } : {}), tools, ms: Math.round(refreshed.ms) };
}
