import type { ApprovalStatus } from '@conducktor/approvals';
import type { ApprovalDemand, Decision } from '@conducktor/policy';
import type { ToolCallAnswer } from '../mcp/ports.js';
import type { CheckedCall } from '../tool-call/types.js';

/** A request for approval as its requester may know it. */
export interface ApprovalRequest {
  readonly id: string;
  readonly tenantId: string;
  readonly memberId: string;
  readonly clientId: string;
  /** Where it was asked; its task is there, and nowhere else. */
  readonly resourcePath: string;
  readonly status: ApprovalStatus;
  /** As it is shown: `github_create_issue`. */
  readonly tool: string;
  readonly connection: string;
  readonly onApproval: 'run' | 'wait';
  /** Every one has to be met. */
  readonly demands: readonly ApprovalDemand[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** When people decided, or its call ended. */
  readonly changedAt: Date | null;
  /** The most that its call could cost when it was asked for, as its approvers are shown it. */
  readonly costMicros: number;
  /** All that it was asked for, as one text: see `boundOf`. */
  readonly bound: string;
  /** Why it was rejected, or why it cannot be used; a sentence. */
  readonly reason: string | null;
  /** From `running` on. */
  readonly callId: string | null;
  /** From `done` on: an `OutcomeKind`. */
  readonly outcome: string | null;
  /** Until when its result is given to the same call; null: it is not kept. */
  readonly resultUntil: Date | null;
  /** Asked for by the very call that is being answered. */
  readonly isNew?: boolean | undefined;
  /** Whether the requester was told of an end that gave no result. */
  readonly told: boolean;
}

/** A tool call that policy wants approved before it is made. */
export type CallToApprove = CheckedCall & {
  decision: Decision & { effect: 'require_approval' };
};

/** A call that waits for approval: its request, and the record of it in audit. */
export interface PendingCall {
  call: CallToApprove;
  request: ApprovalRequest;
  /** The id of the audit record that says `approval_required`. */
  callId: string | undefined;
}

/**
 * The answer that a client gets at once, by what it declares on its request (a task, a round of URL
 * elicitation); undefined: this client is held for a while and then told in a sentence.
 */
export type AnswerByCapability = (pending: PendingCall) => ToolCallAnswer | undefined;
