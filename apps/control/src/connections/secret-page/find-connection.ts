import { membershipsOf } from '@conducktor/db';
import { ConducktorError, type Connection } from '@conducktor/contracts';
import type { Control } from '../../control.js';
import { loadCaller, type Caller } from '../../http/caller.js';
import { writers } from '../../http/guards.js';
import { connectionView, toView } from '../read-connections.js';

const ID = /^con_[0-9A-Za-z]{22}$/;

export interface OwnConnection {
  caller: Caller;
  workspace: string;
  connection: Connection;
}

/**
 * The connection out of the workspaces of this person, whose owner or admin they must be. Throws
 * `not_found` where they are in no workspace that has it, `forbidden` and `frozen`.
 */
export async function findConnection(
  control: Pick<Control, 'prisma' | 'db'>,
  userId: string,
  id: string,
): Promise<OwnConnection> {
  const memberships = ID.test(id) ? await membershipsOf(control.db, userId) : [];
  for (const { tenantId, tenantName } of memberships) {
    const row = await control.prisma.withTenant(tenantId, (tx) =>
      tx.connection.findUnique({
        where: { tenantId_id: { tenantId, id } },
        include: connectionView,
      }),
    );
    if (!row) continue;
    const caller = await loadCaller(control, {
      tenantId,
      via: 'session',
      clientId: 'browser',
      scopes: [],
      member: { userId },
    });
    if (!caller) break;
    writers.check(caller);
    return { caller, workspace: tenantName, connection: toView(row) };
  }
  throw new ConducktorError(
    'not_found',
    'There is no connection with this id in a workspace of yours.',
  );
}
