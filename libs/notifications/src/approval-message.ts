import type { ApprovalEventKind } from './event.js';
import type { Message, ToldEvent } from './message.js';

/** Arguments of more characters are left out of a webhook, and `argumentsOmitted` says so. */
const ARGUMENTS_MAX = 32_768;

/** What a message says of the approval request. */
export interface ToldApproval {
  tool: string;
  connection: string;
  toolClass: string;
  requester: { memberId: string; email: string };
  clientId: string;
  /** Whom the request went to, as the requester reads it. */
  approvers: string;
  expiresAt: Date;
  /** In `approval.requested`, to channels that show them. */
  arguments?: unknown;
}

/** What is told of a request for approval. */
export function approvalMessage(
  event: ToldEvent<ApprovalEventKind>,
  approval: ToldApproval,
  publicUrl: string,
): Message {
  const { reason, by, outcome } = event.detail;
  const { tool, toolClass, requester, approvers, expiresAt } = approval;
  const isOpen = event.kind === 'approval.requested';
  return {
    event,
    headline: HEADLINES[event.kind](tool),
    fields: [
      ['Requester', requester.email],
      ['Tool', `${tool} (${toolClass})`],
      ['Asked', approvers],
      ...given('Until', isOpen ? minuteOf(expiresAt) : undefined),
      ...given('Decided by', by),
      ...given('Outcome', outcome),
      ...given('Reason', reason === '' ? undefined : reason),
    ],
    paragraphs: [],
    attachment: approval.arguments,
    link: `${publicUrl}/approvals/${event.subjectId}`,
    linkWords: isOpen ? 'Look at it and decide' : 'Look at it',
    data: {
      approvalId: event.subjectId,
      tool,
      toolClass,
      connection: approval.connection,
      requester,
      clientId: approval.clientId,
      approvers,
      expiresAt: expiresAt.toISOString(),
      ...event.detail,
      ...argumentsOf(approval.arguments),
    },
  };
}

const HEADLINES: Record<ApprovalEventKind, (tool: string) => string> = {
  'approval.requested': (tool) => `Approval wanted for ${tool}`,
  'approval.approved': (tool) => `Approved: ${tool}`,
  'approval.rejected': (tool) => `Rejected: ${tool}`,
  'approval.expired': (tool) => `Nobody decided in time: ${tool}`,
  'approval.void': (tool) => `Void, nothing is sent: ${tool}`,
  'approval.executed': (tool) => `The approved call was made: ${tool}`,
};

const given = (name: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[name, value]];

const minuteOf = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function argumentsOf(args: unknown): { arguments?: unknown; argumentsOmitted?: true } {
  if (args === undefined) return {};
  return JSON.stringify(args).length > ARGUMENTS_MAX
    ? { argumentsOmitted: true }
    : { arguments: args };
}
