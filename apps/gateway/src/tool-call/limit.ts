import { FREE } from '@conducktor/budget';
import type { LimitProfile } from '../limits/gcra.js';
import type { TokenLeases } from '../limits/token-leases.js';
import type { Workspace } from '../workspace/types.js';
import { Refusal } from './refusal.js';
import type { AllowedCall, Caller, ClearedCall, DecidedCall } from './types.js';

export interface LimitDeps {
  leases: TokenLeases;
  profiles: Record<Workspace['limitProfile'], LimitProfile>;
}

/** One token of the workspace's allowance, shared by all replicas. */
export async function limit<Call extends DecidedCall>(
  deps: LimitDeps,
  call: Call,
): Promise<Call & { withinLimits: true }> {
  const { workspace } = call.caller;
  const taken = deps.leases.take(workspace.tenantId, deps.profiles[workspace.limitProfile]);
  const retryAfterMs = typeof taken === 'number' ? taken : await taken;
  if (retryAfterMs === 0) return { ...call, withinLimits: true };
  throw tooMany(call.caller, call.tool.shownName, retryAfterMs, call.tool.connection.slug);
}

// Clients list and read in bursts before they call anything.
const REQUESTS_PER_CALL = 10;

const requestProfiles = new WeakMap<LimitProfile, LimitProfile>();

/**
 * One token of the workspace's allowance of requests other than tools/call: ten times that of calls,
 * and its own, so that reading and listing do not use up calls, nor the other way round.
 */
export async function limitRequest(
  deps: LimitDeps,
  caller: Caller,
  method: string,
  connection?: string,
): Promise<WithinRequestLimit> {
  const { workspace } = caller;
  const profile = deps.profiles[workspace.limitProfile];
  let wider = requestProfiles.get(profile);
  if (!wider) {
    wider = profile.map((each) => ({ ...each, limit: each.limit * REQUESTS_PER_CALL }));
    requestProfiles.set(profile, wider);
  }
  const taken = deps.leases.take(`${workspace.tenantId}:requests`, wider);
  const retryAfterMs = typeof taken === 'number' ? taken : await taken;
  if (retryAfterMs === 0) return { caller, withinLimits: true };
  throw tooMany(caller, method, retryAfterMs, connection);
}

/** That a client's request is paid for; the calls that are made for it are not limited again. */
export interface WithinRequestLimit {
  caller: Caller;
  withinLimits: true;
}

/** What is no call of a tool has no price. */
export function limitedBy(request: WithinRequestLimit, call: AllowedCall): ClearedCall {
  return { ...call, withinLimits: request.withinLimits, quote: FREE };
}

function tooMany(caller: Caller, toolName: string, retryAfterMs: number, connection?: string) {
  return new Refusal(
    'rate_limited',
    `Too many requests. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    { caller, toolName, retryAfterMs, ...(connection === undefined ? {} : { connection }) },
  );
}
