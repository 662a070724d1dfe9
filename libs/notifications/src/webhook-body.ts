import type { Message } from './message.js';

/**
 * The body of a signed webhook: `type`, `timestamp` and `data` as Standard Webhooks recommends. The same
 * text for every attempt; `timestamp` is when it happened.
 */
export function webhookBody({ event, data, link }: Message): string {
  return JSON.stringify({
    type: event.kind,
    timestamp: event.at.toISOString(),
    data: { workspaceId: event.tenantId, ...data, link },
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
