import { findApproval as findRow } from '@conducktor/approvals';
import { ConducktorError, type ApprovalDetail } from '@conducktor/contracts';
import type { Control } from '../../control.js';
import type { Caller } from '../../http/caller.js';
import { findAmongOwn } from '../../http/find-among-own.js';
import { getApproval } from '../read-approvals.js';

const ID = /^apr_[0-9A-Za-z]{22}$/;

export interface OwnApproval {
  caller: Caller;
  workspace: string;
  /** Of its workspace, as in ISO 4217. */
  currency: string;
  approval: ApprovalDetail;
}

/**
 * The request out of the workspaces of this person, as they may see it; reading it is recorded. Throws
 * `not_found`, in the same words whether there is none or it is not theirs to see, and `frozen`.
 */
export async function findApproval(
  control: Control,
  userId: string,
  id: string,
): Promise<OwnApproval> {
  const own = ID.test(id) && (await findAmongOwn(control, userId, (tx) => findRow(tx, id)));
  if (!own) throw notThere();
  const { caller, tenantId, workspace } = own;
  const approval = await getApproval(control, caller, id).catch(hidden);
  const { rows } = await control.db.withTenant(tenantId, (tx) =>
    tx.query<{ currency: string }>('select currency from tenant where id = $1', [tenantId]),
  );
  return { caller, workspace, currency: rows[0]!.currency, approval };
}

function hidden(error: unknown): never {
  throw error instanceof ConducktorError && error.code === 'not_found' ? notThere() : error;
}

const notThere = () =>
  new ConducktorError(
    'not_found',
    'There is no request for approval with this id that you may see. Are you signed in as the right person?',
  );
