import type { Message } from './message.js';

/** Arguments of more characters are left out, and `argumentsOmitted` says so. */
const ARGUMENTS_MAX = 32_768;

/**
 * The body of a signed webhook: `type`, `timestamp` and `data` as Standard Webhooks recommends. The same
 * text for every attempt; `timestamp` is when it happened.
 */
export function webhookBody({ event, approval, link }: Message): string {
  return JSON.stringify({
    type: event.kind,
    timestamp: event.at.toISOString(),
    data: {
      workspaceId: event.tenantId,
      approvalId: event.subjectId,
      tool: approval.tool,
      toolClass: approval.toolClass,
      connection: approval.connection,
      requester: approval.requester,
      clientId: approval.clientId,
      approvers: approval.approvers,
      expiresAt: approval.expiresAt.toISOString(),
      link,
      ...event.detail,
      ...argumentsOf(approval.arguments),
    },
  });
}

/** The body of a test, which is about nothing. */
export function testMessage(tenantId: string, at: Date): string {
  return JSON.stringify({
    type: 'channel.test',
    timestamp: at.toISOString(),
    data: { workspaceId: tenantId },
  });
}

function argumentsOf(args: unknown): { arguments?: unknown; argumentsOmitted?: true } {
  if (args === undefined) return {};
  return JSON.stringify(args).length > ARGUMENTS_MAX
    ? { argumentsOmitted: true }
    : { arguments: args };
}
