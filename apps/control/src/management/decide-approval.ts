import {
  APPROVE_REQUEST,
  APPROVE_WORKFLOW_RUN,
  ApprovalReason,
  REJECT_REQUEST,
} from '@conducktor/contracts';
import { decideApproval } from '../approvals/decide-approval.js';
import { signedIn } from '../http/guards.js';
import { invalidRequest } from '../http/problem.js';
import { handler, type HandlerContext } from './handler.js';

/** As REST decides. Whoever asked is refused there, whichever client or key this comes with. */
const decide =
  (vote: 'approve' | 'reject') =>
  ({ control, caller }: HandlerContext, input: { id: string; reason: string }) => {
    const given = ApprovalReason.safeParse({ reason: input.reason });
    if (!given.success) throw invalidRequest(given.error, 'arguments');
    return decideApproval(control, caller, input.id, vote, given.data.reason);
  };

export const approveRequest = handler(APPROVE_REQUEST, signedIn, decide('approve'));
export const approveWorkflowRun = handler(APPROVE_WORKFLOW_RUN, signedIn, decide('approve'));
export const rejectRequest = handler(REJECT_REQUEST, signedIn, decide('reject'));
