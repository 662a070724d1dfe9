import {
  decidedBefore,
  listApprovals,
  type ApprovalRow,
  type DecidedApproval,
  type Viewer,
} from '@conducktor/approvals';
import type { ApprovalDetail } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import { likeness } from './likeness.js';
import { openArguments } from './open-arguments.js';

// What a reviewer still reads, out of what is still compared at once.
const SHOWN = 5;
const COMPARED = 20;
const COMPARED_BYTES = 16 * 1024;

/** Of the last decisions on the tool of a request those that the viewer may see, with what comparing them takes. */
export async function readDecided(
  tx: TenantTx,
  viewer: Viewer,
  row: ApprovalRow,
): Promise<DecidedApproval[]> {
  const decided = await decidedBefore(tx, row, { limit: COMPARED, maxSealed: COMPARED_BYTES });
  const filter = { ids: decided.map(({ id }) => id), limit: COMPARED, maxSealed: 0 };
  const visible = new Set((await listApprovals(tx, viewer, filter)).map(({ id }) => id));
  return decided.filter(({ id }) => visible.has(id));
}

/**
 * Those of them whose arguments are most like these. Nobody is shown the arguments of the others, only how
 * much of them is the same.
 */
export async function mostAlike(
  deps: Pick<Control, 'vault' | 'logger'>,
  tenantId: string,
  decided: readonly DecidedApproval[],
  of: { argumentsHash: string; arguments: unknown },
): Promise<ApprovalDetail['similar']> {
  const compared = decided.map(async (each) => ({
    id: each.id,
    requester: each.requester,
    status: each.status,
    decidedBy: each.decidedBy,
    reason: each.reason,
    at: each.decidedAt.toISOString(),
    likeness: await likenessTo(deps, tenantId, each, of),
  }));
  return (await Promise.all(compared))
    .sort((a, b) => (b.likeness ?? -1) - (a.likeness ?? -1))
    .slice(0, SHOWN);
}

async function likenessTo(
  deps: Pick<Control, 'vault' | 'logger'>,
  tenantId: string,
  each: DecidedApproval,
  of: { argumentsHash: string; arguments: unknown },
): Promise<number | null> {
  if (each.argumentsHash === of.argumentsHash) return 1;
  const { state, value } = await openArguments(deps, tenantId, each);
  if (state !== 'available' || of.arguments === null) return null;
  return likeness(value, of.arguments);
}
