import type { ApprovalChanges } from './changes.js';
import { readRequest, type RequestDeps } from './requests.js';
import type { ApprovalRequest } from './types.js';

/**
 * The request as it is once its status is another than that of `request`; as it was at `until` (Unix
 * milliseconds) or when `signal` aborts. Rejects when it cannot be read.
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
      const now = await readRequest(deps, request);
      // Erased with its workspace.
      if (!now) return { ...request, status: 'void' };
      if (now.status !== request.status || Date.now() >= until || signal.aborted) return now;
      await next.changed;
    } finally {
      next.forget();
    }
  }
}
