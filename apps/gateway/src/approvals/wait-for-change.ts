import { isAway } from '@conducktor/db';
import type { ApprovalChanges } from './changes.js';
import { readRequest, type RequestDeps } from './requests.js';
import type { ApprovalRequest } from './types.js';

/**
 * The request as it is once its status is another than that of `request`; as it was at `until` (Unix
 * milliseconds) or when `signal` aborts. While the database is away nothing changes, and waiting goes on.
 */
export async function waitForChange(
  deps: Pick<RequestDeps, 'db'> & { approvals: { changes: ApprovalChanges } },
  request: ApprovalRequest,
  until: number,
  signal: AbortSignal,
): Promise<ApprovalRequest> {
  for (;;) {
    const next = deps.approvals.changes.next(request, until, signal);
    try {
      const now = await look(deps, request);
      if (now.status !== request.status || Date.now() >= until || signal.aborted) return now;
      await next.changed;
    } finally {
      next.forget();
    }
  }
}

async function look(
  deps: Pick<RequestDeps, 'db'>,
  request: ApprovalRequest,
): Promise<ApprovalRequest> {
  try {
    // Erased with its workspace.
    return (await readRequest(deps, request)) ?? { ...request, status: 'void' };
  } catch (error) {
    if (!isAway(error)) throw error;
    return request;
  }
}
