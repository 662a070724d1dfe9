import { approvalBacklog, type ApprovalBacklog } from '@conducktor/approvals';
import type { Db } from '@conducktor/db';
import { gauge, gauges, type Registry } from '@conducktor/runtime';

/** All figures are one look at the database. */
const SAME_LOOK_MS = 1_000;

/** How requests for approval stand, of all workspaces. */
export function approvalMetrics(registry: Registry, db: Db): void {
  let seen: { at: number; backlog: Promise<ApprovalBacklog> } | undefined;
  const backlog = (): Promise<ApprovalBacklog> => {
    const now = performance.now();
    if (!seen || now - seen.at > SAME_LOOK_MS) seen = { at: now, backlog: approvalBacklog(db) };
    return seen.backlog;
  };
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
