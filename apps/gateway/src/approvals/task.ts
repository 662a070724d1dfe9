import { linkOf, approversOf } from './tell.js';
import type { ApprovalRequest } from './types.js';

export type TaskStatus = 'working' | 'completed' | 'failed' | 'cancelled';

/** A task of 2026-07-28 (SEP-2663), without its result. Times are RFC 3339. */
export interface Task {
  taskId: string;
  status: TaskStatus;
  statusMessage: string;
  createdAt: string;
  lastUpdatedAt: string;
  ttlMs: number;
  pollIntervalMs: number;
}

/** Whether nothing follows any more. */
export const isOver = ({ status }: Pick<Task, 'status'>): boolean => status !== 'working';

const POLL_MS = 2_000;
// What is approved at the last moment is made then, and its result kept for an hour.
const RESULT_MS = 3_600_000;

/** A request for approval as a task: its id is the request's. */
export function taskOf(
  deps: { publicUrl: string },
  request: ApprovalRequest,
  status: TaskStatus,
): Task {
  return {
    taskId: request.id,
    status,
    statusMessage: messageOf(deps, request),
    createdAt: request.createdAt.toISOString(),
    lastUpdatedAt: (request.changedAt ?? request.createdAt).toISOString(),
    ttlMs: request.expiresAt.getTime() - request.createdAt.getTime() + RESULT_MS,
    pollIntervalMs: POLL_MS,
  };
}

/** What a person reads beside a task that is not over; at its end the result says more. */
function messageOf(deps: { publicUrl: string }, request: ApprovalRequest): string {
  switch (request.status) {
    case 'pending':
      return `Approval required. Request sent to ${approversOf(request)}: ${linkOf(deps, request)}`;
    case 'approved':
    case 'running':
      return 'Approved. The call is being made.';
    case 'done':
      return 'Approved, and the call was made.';
    case 'rejected':
      return 'Approval rejected.';
    case 'expired':
      return 'Approval expired.';
    case 'void':
      return request.reason ?? 'The request does not stand any more.';
  }
}
