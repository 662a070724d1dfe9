import { ConducktorError, type Connection } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';
import type { Control } from '../../control.js';
import type { Caller } from '../../http/caller.js';
import { findAmongOwn } from '../../http/find-among-own.js';
import { writers } from '../../http/guards.js';
import { getConnection } from '../read-connections.js';

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
  control: Control,
  userId: string,
  id: string,
): Promise<OwnConnection> {
  const own = ID.test(id) && (await findAmongOwn(control, userId, (tx) => slugOf(tx, id)));
  if (!own)
    throw new ConducktorError(
      'not_found',
      'There is no connection with this id in a workspace of yours.',
    );
  const { caller, workspace } = own;
  writers.check(caller);
  return { caller, workspace, connection: await getConnection(control, caller, id) };
}

async function slugOf(tx: TenantTx, id: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ slug: string }>(
    'select slug from connection where tenant_id = $1 and id = $2',
    [tx.tenantId, id],
  );
  return rows[0]?.slug;
}
