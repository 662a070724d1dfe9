import type { ToolCallAnswer } from '../mcp/ports.js';
import { redacted } from '../redact/redacted.js';
import { handOver, type TaintDeps } from '../taint/hand-over.js';
import { type AttachDeps, readAnswer } from '../tool-call/attach.js';
import { Refusal } from '../tool-call/refusal.js';
import { refuseFrozen, whyOut } from '../tool-call/right.js';
import type { AllowedCall, ApprovedCall, CheckedCall } from '../tool-call/types.js';
import { answerKeyOf } from './binding.js';
import { endRequest, markTold, type RequestDeps } from './requests.js';
import { tellExpired, tellRejected, tellWithoutResult } from './tell.js';
import type { ApprovalRequest, CallToApprove } from './types.js';

export type ResultDeps = RequestDeps & TaintDeps & Pick<AttachDeps, 'answers' | 'workspaces'>;

/**
 * What the requester is given of a request that has ended. An end without a result is told once, and the
 * same call then asks anew; a result is given for as long as it is kept. Whoever has lost their access
 * while they waited is given nothing. `recordId`: of the audit record that an end without a call has.
 */
export async function answerOfEnd(
  deps: ResultDeps,
  call: CheckedCall & Pick<AllowedCall | CallToApprove, 'decision'>,
  request: ApprovalRequest,
  recordId?: string,
): Promise<ToolCallAnswer> {
  await checkStillIn(deps, call);
  const answer = await ended(deps, call, request, recordId);
  if (!call.input.signal.aborted && !request.resultUntil) {
    await markTold(deps, request);
    if (request.status === 'expired') await endRequest(deps, request, 'Its time was over.');
  }
  return answer;
}

/**
 * The client that made an approved call itself has its answer now, so the next identical call asks anew.
 * One that never got it, because its connection or its gateway went, is given it by its next identical call.
 */
export async function noteAnswered(
  deps: Pick<RequestDeps, 'db'> & Pick<TaintDeps, 'logger'>,
  { caller, approval, input }: ApprovedCall,
): Promise<void> {
  if (input.signal.aborted) return;
  const { tenantId } = caller.workspace;
  // Where that cannot be written, the same answer is given once more: nothing is made for it.
  await markTold(deps, { tenantId, id: approval.id }).catch((error: unknown) =>
    deps.logger.debug(
      { err: error, ...approval },
      'It could not be noted that an answer was given',
    ),
  );
}

async function ended(
  deps: ResultDeps,
  call: CheckedCall & Pick<AllowedCall | CallToApprove, 'decision'>,
  request: ApprovalRequest,
  recordId: string | undefined,
): Promise<ToolCallAnswer> {
  if (request.status === 'rejected') return tellRejected(request, recordId);
  if (request.status !== 'done') return tellExpired(request, recordId);
  const kept = await readAnswer(deps, call.caller, answerKeyOf(request.id));
  if (!kept) return tellWithoutResult(request);
  const recorded = { ...call, callId: request.callId! };
  // It was redacted as the policy was then.
  return handOver(deps, recorded, redacted(deps, recorded, kept));
}

async function checkStillIn(
  { workspaces }: Pick<AttachDeps, 'workspaces'>,
  { caller, tool }: CheckedCall,
): Promise<void> {
  const workspace = await workspaces.get(caller.workspace.tenantId);
  if (workspace === caller.workspace) return;
  const why = whyOut(workspace, caller);
  if (why !== undefined) throw new Refusal('unauthenticated', `Sign in again: ${why}.`);
  refuseFrozen({ ...caller, workspace }, tool.shownName);
}
