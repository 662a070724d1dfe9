import { approvalBacklog } from '@conducktor/approvals';
import type { Db } from '@conducktor/db';
import { gauge, gauges, oneLook, type Registry } from '@conducktor/runtime';

/** How requests for approval stand, of all workspaces. */
export function approvalMetrics(registry: Registry, db: Db): void {
  const backlog = oneLook(() => approvalBacklog(db));
  gauges({
    registry,
    name: 'conducktor_approvals',
    help: 'Requests for approval that people have not decided (pending), whose call is still to be made (approved), or is being made (running)',
    labels: ['state'],
    read: async () => {
      const { pending, approved, running } = await backlog();
      return [
        ['pending', pending],
        ['approved', approved],
        ['running', running],
      ];
    },
  });
  gauge({
    registry,
    name: 'conducktor_approval_oldest_pending_seconds',
    help: 'How long the request that has waited longest for people has; 0 when none waits',
    read: async () => (await backlog()).pendingSeconds,
  });
  gauge({
    registry,
    name: 'conducktor_approval_unmade_seconds',
    help: 'How long ago the oldest call was approved that is to be made at once and whose outcome is not recorded; 0 when there is none',
    read: async () => (await backlog()).unmadeSeconds,
  });
}
