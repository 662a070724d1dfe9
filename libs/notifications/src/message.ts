import type { NotificationEventKind } from './event.js';

/** An event of the outbox, as the sender reads it. */
export interface ToldEvent {
  /** `ntf_…`, the same for every attempt and channel. */
  id: string;
  kind: NotificationEventKind;
  tenantId: string;
  subjectId: string;
  detail: { by?: string; reason?: string; outcome?: string; callId?: string };
  at: Date;
}

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

/** One message before it takes the shape of its channel. */
export interface Message {
  event: ToldEvent;
  approval: ToldApproval;
  /** One line for people. */
  headline: string;
  /** Page of the request, behind sign-in. */
  link: string;
}

/** What is told of an event, the same however often it is made. */
export function messageOf(event: ToldEvent, approval: ToldApproval, publicUrl: string): Message {
  return {
    event,
    approval,
    headline: HEADLINES[event.kind](approval.tool),
    link: `${publicUrl}/approvals/${event.subjectId}`,
  };
}

const HEADLINES: Record<NotificationEventKind, (tool: string) => string> = {
  'approval.requested': (tool) => `Approval wanted for ${tool}`,
  'approval.approved': (tool) => `Approved: ${tool}`,
  'approval.rejected': (tool) => `Rejected: ${tool}`,
  'approval.expired': (tool) => `Nobody decided in time: ${tool}`,
  'approval.void': (tool) => `Void, nothing is sent: ${tool}`,
  'approval.executed': (tool) => `The approved call was made: ${tool}`,
};
