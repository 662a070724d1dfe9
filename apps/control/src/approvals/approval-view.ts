import {
  labelOf,
  rightOf,
  standingOf,
  statusAt,
  type LoadedBallot,
  type ShownApproval,
} from '@conducktor/approvals';
import type { ApprovalView, ToolClass } from '@conducktor/contracts';
import type { OpenedArguments } from './open-arguments.js';

/** What one person may know of a request. */
export function toApprovalView(
  row: ShownApproval,
  ballot: LoadedBallot,
  opened: OpenedArguments,
  who: { memberId: string; publicUrl: string },
): ApprovalView {
  const emailOf = (id: string) => ballot.people.get(id)?.email ?? id;
  const standing = standingOf(ballot);
  return {
    id: row.id,
    status: statusAt(row, ballot.now),
    tool: row.tool,
    connection: row.connection,
    class: row.toolClass as ToolClass,
    arguments: opened.value,
    argumentsState: opened.state,
    argumentsHash: row.argumentsHash,
    requester: row.requester,
    requesterId: row.memberId,
    client: row.clientId,
    clientName: row.clientName,
    rule: row.demands[0]?.ruleId ?? '',
    demands: row.demands.map(({ ruleId, approvers, message }, index) => ({
      rule: ruleId,
      sentTo: labelOf(approvers),
      needed: approvers.count,
      given: standing[index]!.given,
      message: message ?? null,
    })),
    votes: ballot.votes.map(({ memberId, forMemberId, vote, reason, at }) => ({
      by: emailOf(memberId),
      inPlaceOf: forMemberId === null ? null : emailOf(forMemberId),
      vote,
      reason,
      at: at.toISOString(),
    })),
    costMicros: row.costMicros,
    onApproval: row.onApproval,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    decidedReason: row.decidedReason,
    callId: row.callId,
    outcome: row.outcome,
    mayDecide: 'forMemberId' in rightOf(ballot, who.memberId),
    url: approvalUrl(who.publicUrl, row.id),
  };
}

export const approvalUrl = (publicUrl: string, id: string) => `${publicUrl}/approvals/${id}`;
