import {
  labelOf,
  type ApprovalRow,
  type ApprovalStatus,
  type NotTaken,
} from '@conducktor/approvals';
import { ConducktorError } from '@conducktor/contracts';

/** What a request that waits no longer is, for who comes too late. */
const BECAME: Record<ApprovalStatus, string> = {
  pending: 'It waits for approval.',
  approved: 'It was approved already.',
  rejected: 'It was rejected already.',
  expired: 'Nobody decided in time: this request has expired.',
  void: 'This request is void.',
  running: 'It was approved already, and the call is being made.',
  done: 'It was approved already, and the call was made.',
};

export function tooLate(status: ApprovalStatus, reason: string | null): ConducktorError {
  const why = status === 'void' && reason !== null ? ` ${reason}` : '';
  return new ConducktorError('conflict', `${BECAME[status]}${why}`, {
    detail: { approvalStatus: status },
  });
}

/** Why a vote is not taken, for the person who gave it. */
export function voteRefused(
  why: NotTaken,
  row: ApprovalRow,
  status: ApprovalStatus,
): ConducktorError {
  switch (why) {
    case 'decided':
    case 'expired':
      return tooLate(status, row.decidedReason);
    case 'voted-already':
      return new ConducktorError('conflict', 'You have voted on this request already.');
    case 'place-taken':
      return new ConducktorError(
        'conflict',
        'Your vote on this request was used already: by you for somebody else, or by a delegate.',
      );
    case 'own-request':
      return new ConducktorError(
        'forbidden',
        'Permission denied: nobody decides about their own request.',
      );
    case 'own-key':
      return new ConducktorError(
        'forbidden',
        'Permission denied: you made the API key that this was asked with, so it counts as yours.',
      );
    case 'stands-in-for-requester':
      return new ConducktorError(
        'forbidden',
        'Permission denied: the person who asked, or who made the API key that it was asked with, has made you their delegate, so you cannot decide about this request.',
      );
    case 'not-named': {
      const labels = row.demands.map(({ approvers }) => labelOf(approvers));
      return new ConducktorError(
        'forbidden',
        `Permission denied: this request went to ${[...new Set(labels)].join(' and ')}.`,
      );
    }
  }
}
