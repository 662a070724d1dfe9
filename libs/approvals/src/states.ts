import type { ApprovalState } from '@conducktor/contracts';

/** As REST names it, and the column `approval_request.status`. */
export type ApprovalStatus = ApprovalState;

const NEXT: Record<ApprovalStatus, readonly ApprovalStatus[]> = {
  pending: ['approved', 'rejected', 'expired', 'void'],
  approved: ['running', 'expired', 'void'],
  // Whether it acted may never be known; then that is the outcome, and still nothing else follows.
  running: ['done'],
  rejected: [],
  expired: [],
  void: [],
  done: [],
};

/** Whether a request in the one state may go over into the other. */
export function mayBecome(from: ApprovalStatus, to: ApprovalStatus): boolean {
  return NEXT[from].includes(to);
}

/** Whether nothing follows any more. */
export function isFinal(status: ApprovalStatus): boolean {
  return NEXT[status].length === 0;
}

/** What a request is at this instant, whether or not somebody has written down yet that its time is over. */
export function statusAt(
  { status, expiresAt }: { status: ApprovalStatus; expiresAt: Date },
  now: Date,
): ApprovalStatus {
  return mayBecome(status, 'expired') && expiresAt <= now ? 'expired' : status;
}
