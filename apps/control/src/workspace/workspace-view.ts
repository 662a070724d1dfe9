import type { WorkspaceView } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';

export function toWorkspaceView(
  tenant: Prisma.TenantGetPayload<object>,
  publicUrl: string,
): WorkspaceView {
  return {
    id: tenant.id,
    slug: tenant.slug,
    name: tenant.name,
    limitProfile: tenant.limitProfile as WorkspaceView['limitProfile'],
    toolChanges: tenant.toolChanges as WorkspaceView['toolChanges'],
    activePolicy: tenant.activePolicy,
    retention: { payloadDays: tenant.payloadDays, eventDays: tenant.eventDays },
    currency: tenant.currency,
    zone: tenant.zone,
    connectUrl: `${publicUrl}/mcp`,
    createdAt: tenant.createdAt.toISOString(),
  };
}
