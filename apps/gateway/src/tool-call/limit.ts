import type { LimitProfile } from '../limits/gcra.js';
import type { TokenLeases } from '../limits/token-leases.js';
import type { Workspace } from '../workspace/types.js';
import { Refusal } from './refusal.js';
import type { AllowedCall, LimitedCall } from './types.js';

export interface LimitDeps {
  leases: TokenLeases;
  profiles: Record<Workspace['limitProfile'], LimitProfile>;
}

/** One token of the workspace's allowance, shared by all replicas. */
export async function limit(deps: LimitDeps, call: AllowedCall): Promise<LimitedCall> {
  const { workspace } = call.caller;
  const taken = deps.leases.take(workspace.tenantId, deps.profiles[workspace.limitProfile]);
  const retryAfterMs = typeof taken === 'number' ? taken : await taken;
  if (retryAfterMs === 0) return { ...call, withinLimits: true };
  throw new Refusal(
    'rate_limited',
    `Too many requests. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    {
      caller: call.caller,
      toolName: call.tool.shownName,
      connection: call.tool.connection.slug,
      retryAfterMs,
    },
  );
}
