import {
  castVote,
  endWaiting,
  insertVote,
  listApprovals,
  lockApproval,
  readBallots,
  standingOf,
  statusAt,
  whatChanged,
  type ApprovalRow,
  type LoadedBallot,
} from '@conducktor/approvals';
import { ConducktorError, type ApprovalDecided } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';
import { notify } from '@conducktor/notifications';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { requireOwnKey } from './own-key.js';
import { viewerOf } from './read-approvals.js';
import { recordApproval } from './record-approval.js';
import { tooLate, voteRefused } from './refusals.js';
import { approvedSentence, stillWanted } from './state-sentence.js';

/**
 * Takes the vote of somebody who may decide. Vote, status, audit record and what people are told stand or
 * fall together; the request's row is locked, so of two votes at the same moment the second is judged by
 * what the first made of it. Throws `not_found`, `forbidden`, and `conflict` for a request that waits no
 * longer, also when it is found only now that its time is over or that what it is bound to has changed.
 */
export async function decideApproval(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
  vote: 'approve' | 'reject',
  reason: string,
): Promise<ApprovalDecided> {
  await requireOwnKey({ db }, caller);
  const decided = await db.withTenant(caller.tenantId, async (tx) => {
    const row = await lockVisible(tx, caller, id);
    const ballot = (await readBallots(tx, [row], caller.memberId)).get(row.id)!;
    const verdict = castVote(ballot, caller.memberId, vote);
    if (!verdict.taken) {
      if (verdict.why === 'expired' && row.status !== 'expired') await expire(tx, caller, row);
      // Returned and not thrown: what was written of the request stands.
      return voteRefused(verdict.why, row, statusAt(row, ballot.now));
    }
    const changed = vote === 'approve' ? await whatChanged(tx, row) : undefined;
    if (changed !== undefined) {
      await endWaiting(tx, row, 'void', changed);
      await recordApproval(tx, caller, 'approval.void', row, { reason: changed });
      return tooLate('void', changed);
    }
    const { memberId } = caller;
    const { forMemberId, status } = verdict;
    const given = { memberId, forMemberId, vote, reason };
    await insertVote(tx, row.id, given);
    if (status !== 'pending') await endWaiting(tx, row, status, reason === '' ? null : reason);
    await recordApproval(tx, caller, `approval.${vote}`, row, {
      ...(forMemberId === null ? {} : { inPlaceOf: forMemberId }),
      reason,
      status,
    });
    if (status !== 'pending')
      await notify(tx, {
        kind: `approval.${status}`,
        subjectId: row.id,
        detail: { by: caller.email, reason },
      });
    const after = { ...ballot, votes: [...ballot.votes, { ...given, at: ballot.now }] };
    return { id: row.id, status, next: whatNext(row, after, status) };
  });
  if (decided instanceof ConducktorError) throw decided;
  return decided;
}

/** The request, locked; not there for who may not see it. */
export async function lockVisible(tx: TenantTx, caller: Caller, id: string): Promise<ApprovalRow> {
  const [visible] = await listApprovals(tx, viewerOf(caller), {
    ids: [id],
    limit: 1,
    maxSealed: 0,
  });
  return found(visible && (await lockApproval(tx, id)), 'approval');
}

async function expire(tx: TenantTx, caller: Caller, row: ApprovalRow): Promise<void> {
  await endWaiting(tx, row, 'expired', null);
  await recordApproval(tx, caller, 'approval.expire', row, {});
}

function whatNext(
  { onApproval, expiresAt }: ApprovalRow,
  ballot: LoadedBallot,
  status: 'pending' | 'approved' | 'rejected',
): string {
  if (status === 'rejected')
    return 'Rejected. Nothing is sent, and the person who asked reads your reason.';
  if (status === 'approved')
    return approvedSentence({ onApproval, expiresAt: expiresAt.toISOString() });
  const demands = standingOf(ballot).map(({ label, ...each }) => ({ ...each, sentTo: label }));
  return `Your approval is recorded. Nothing is sent yet: so far ${stillWanted(demands)}.`;
}
