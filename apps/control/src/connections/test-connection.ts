import { readRefresh, takeOver } from '@conducktor/catalog';
import { ConducktorError, type ConnectionTested } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { ofStatus } from '../tools/list-tools.js';

/**
 * Has the connection's worker connect and list tools, and takes over what it lists in one
 * transaction: all of it the first time, afterwards nothing that would change a tool unseen. A service that
 * does not answer keeps the tools it had: calls say what is wrong. Throws `frozen` while nothing is to reach it.
 */
export async function testConnection(
  { prisma, db, workers }: Pick<Control, 'prisma' | 'db' | 'workers'>,
  caller: Caller,
  id: string,
): Promise<ConnectionTested> {
  const { tenantId } = caller;
  await prisma.withTenant(tenantId, async (tx) => {
    found(
      await tx.connection.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      'connection',
    );
    await refuseFrozen(tx, tenantId, id);
  });
  // Outside a transaction: starting a server may take a minute.
  const refreshed = await workers.refresh({ tenantId, connectionId: id });
  const read = await readRefresh(refreshed);
  const event = {
    action: 'connection.test',
    memberId: caller.memberId,
    actor: caller.email,
    clientId: caller.clientId,
  };
  const taken = await db.withTenant(tenantId, (tx) =>
    takeOver(tx, id, read, event, { attended: true }),
  );
  const { status, reason } = found(taken ?? null, 'connection');
  const { tools, quarantined } = await prisma.withTenant(tenantId, async (tx) => {
    const of = { tenantId, connectionId: id };
    return {
      tools: await tx.tool.count({ where: { ...of, ...ofStatus.active } }),
      quarantined: await tx.tool.count({ where: { ...of, ...ofStatus.quarantined } }),
    };
  });
  return {
    status,
    ...(reason !== undefined && { reason }),
    tools,
    ...(quarantined > 0 && { quarantined }),
    ms: Math.round(refreshed.ms),
  };
}

async function refuseFrozen(tx: PrismaTx, tenantId: string, id: string): Promise<void> {
  const frozen = await tx.frozen.findFirst({
    where: { tenantId, OR: [{ kind: 'workspace' }, { kind: 'connection', subjectId: id }] },
  });
  if (frozen)
    throw new ConducktorError(
      'frozen',
      `Nothing is asked of its server: this ${frozen.kind} is frozen: ${frozen.reason}`,
    );
}
