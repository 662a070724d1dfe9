import { hash } from 'node:crypto';
import type { ApprovalDemand } from '@conducktor/policy';
import type { CredentialId, PricedCall } from '../tool-call/types.js';
import type { Tool } from '../workspace/types.js';
import type { ApprovalRequest, CallToApprove } from './types.js';

/**
 * All that an approval is given for, as one text; SQL function `approval_bound` writes the same of the
 * request. Whatever differs by one byte is another call, and is asked for anew.
 */
export function boundOf({ caller, tool, argumentsHash }: CallToApprove): string {
  return [
    tool.id,
    definitionHashOf(tool),
    tool.class,
    tool.connection.revision,
    argumentsHash,
    caller.workspace.policyVersion,
    caller.member.id,
    credentialOf(caller.credential),
    caller.clientId,
  ].join(' ');
}

/** Only tools come here: see `decideTool`. */
export function definitionHashOf(tool: CallToApprove['tool']): string {
  return (tool as Tool).definitionHash;
}

export const credentialOf = ({ kind, id }: CredentialId): string => `${kind}:${id}`;

/**
 * Whether people were asked for all that policy wants of the call now: the same document may want more of
 * the same call later, because of the time or of what its client has been given since.
 */
export function coversDemands(
  { demands }: Pick<ApprovalRequest, 'demands'>,
  now: readonly ApprovalDemand[] = [],
): boolean {
  return now.every(({ ruleId }) => demands.some((asked) => asked.ruleId === ruleId));
}

/** Whether the call still costs no more than its approvers were shown. */
export function coversCost(
  { costMicros }: Pick<ApprovalRequest, 'costMicros'>,
  { quote }: Pick<PricedCall, 'quote'>,
): boolean {
  return quote.reservedMicros <= costMicros;
}

/** Of the idempotency key under which the approved call's answer is kept. */
export function answerKeyOf(approvalId: string): string {
  return hash('sha256', `approval/${approvalId}`, 'hex');
}
