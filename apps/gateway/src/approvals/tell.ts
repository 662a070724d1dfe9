import { labelOf } from '@conducktor/approvals';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { failure } from '../tool-call/answers.js';
import type { ApprovalRequest } from './types.js';

/** On every answer about a request for approval, beside our code. */
export const APPROVAL_ID = 'conducktor/approvalId';

const all = new Intl.ListFormat('en-GB');

/** Whom the request went to, as its rules call them: `Admin team and finance`. */
export function approversOf({ demands }: Pick<ApprovalRequest, 'demands'>): string {
  return all.format(new Set(demands.map(({ approvers }) => labelOf(approvers))));
}

/** Where requester and approvers look at it. */
export function linkOf(deps: { publicUrl: string }, { id }: Pick<ApprovalRequest, 'id'>): string {
  return `${deps.publicUrl}/approvals/${id}`;
}

/** What a person reads in their chat while others decide. */
export function pendingSentence(deps: { publicUrl: string }, request: ApprovalRequest): string {
  const { id, onApproval, tool } = request;
  const next =
    onApproval === 'run'
      ? `As soon as it is approved the call is made; call ${tool} again with the same arguments to get its result.`
      : `Once it is approved, call ${tool} again with the same arguments, and it is made.`;
  return `Approval required. Request sent to ${approversOf(request)}. It is ${id}, at ${linkOf(deps, request)}, and open until ${moment(request.expiresAt)}. ${next}`;
}

/** Nobody has decided yet. */
export function tellPending(
  deps: { publicUrl: string },
  request: ApprovalRequest,
  callId: string | undefined,
): ToolCallAnswer {
  const sentence = pendingSentence(deps, request);
  return failure('approval_required', sentence, callId, { [APPROVAL_ID]: request.id });
}

/** It was approved, and its call has not ended while this client waited. */
export function tellRunning(request: ApprovalRequest): ToolCallAnswer {
  const { id, tool, callId } = request;
  const sentence = `This call was approved (${id}) and is being made. Call ${tool} again with the same arguments to get its result.`;
  return failure('outcome_unknown', sentence, callId ?? undefined, { [APPROVAL_ID]: id });
}

/** It has ended, and the database cannot be asked how. */
export function tellUnreadable({ id, tool, callId }: ApprovalRequest): ToolCallAnswer {
  const sentence = `What came of this request for approval (${id}) cannot be read right now. Call ${tool} again with the same arguments to learn it.`;
  return failure('governance_unavailable', sentence, callId ?? undefined, { [APPROVAL_ID]: id });
}

/** It was approved for its requester to make. */
export function tellApproved({ id, tool, expiresAt }: ApprovalRequest): ToolCallAnswer {
  const sentence = `Approved (${id}). Call ${tool} again with the same arguments until ${moment(expiresAt)}, and it is made.`;
  return failure('approval_required', sentence, undefined, { [APPROVAL_ID]: id });
}

export function tellRejected(
  { id, tool, reason }: ApprovalRequest,
  callId: string | undefined,
): ToolCallAnswer {
  const why = reason ? `: ${reason}` : '';
  const sentence = `Approval rejected${why}${endOf(why)} Request ${id}, to call ${tool}. Calling it again asks anew.`;
  return failure('approval_rejected', sentence, callId, { [APPROVAL_ID]: id });
}

export function tellExpired(
  { id, tool, reason }: ApprovalRequest,
  callId: string | undefined,
): ToolCallAnswer {
  const sentence = `Approval expired: ${reason ?? 'Nobody decided in time.'} Request ${id}, to call ${tool}. Calling it again asks anew.`;
  return failure('approval_expired', sentence, callId, { [APPROVAL_ID]: id });
}

/** The approval was used up, and there is no result to give. */
export function tellWithoutResult(request: ApprovalRequest): ToolCallAnswer {
  const { id, tool, outcome } = request;
  const callId = request.callId ?? undefined;
  if (outcome === 'not_sent' || outcome === 'unavailable') {
    const sentence = `The call that was approved (${id}) could not be made: nothing was sent. Calling ${tool} again asks for a new approval.`;
    return failure('upstream_unavailable', sentence, callId, { [APPROVAL_ID]: id });
  }
  const what = WITHOUT_RESULT[outcome ?? ''] ?? 'Whether it acted is not known.';
  const sentence = `The call that was approved (${id}) was made once, and there is no result of it. ${what} Ask about call ${callId} before ${tool} is called again: that asks for a new approval.`;
  return failure('outcome_unknown', sentence, callId, { [APPROVAL_ID]: id });
}

const WITHOUT_RESULT: Record<string, string> = {
  ok: 'It succeeded.',
  error: 'It failed at the service.',
};

const endOf = (sentence: string) => (/[.!?]$/.test(sentence) ? '' : '.');

/** `2026-11-21 09:30 UTC` */
function moment(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
