import { FREE } from '@conducktor/budget';
import { isSame, type LimitProfile } from '../limits/gcra.js';
import type { CallLimit } from '../limits/call-limits.js';
import type { Limited, Refused, TokenLeases } from '../limits/token-leases.js';
import type { Workspace } from '../workspace/types.js';
import { Refusal, type RefusedLimit } from './refusal.js';
import type { AllowedCall, Caller, ClearedCall, DecidedCall } from './types.js';

export interface LimitDeps {
  leases: TokenLeases;
  profiles: Record<Workspace['limitProfile'], LimitProfile>;
}

/**
 * One token of every allowance that applies, shared by all replicas: the workspace's, and those of the
 * person, the client, the connection and the tool where there are any. Who is refused by one of them has
 * used up nothing of the others.
 */
export async function limit<Call extends DecidedCall>(
  deps: LimitDeps,
  call: Call,
  inHand: TokensInHand,
): Promise<Call & { withinLimits: true }> {
  const { workspace } = call.caller;
  const ofWorkspace = { key: workspace.tenantId, profile: deps.profiles[workspace.limitProfile] };
  const own = ownLimits(call);
  if (own.length === 0 && inHand.tokens === undefined) {
    const taken = deps.leases.take(ofWorkspace.key, ofWorkspace.profile);
    const retryAfterMs = typeof taken === 'number' ? taken : await taken;
    if (retryAfterMs > 0) throw tooManyCalls(call, WORKSPACE, retryAfterMs);
    inHand.tokens = [ofWorkspace];
  } else {
    const all = [ofWorkspace, ...own];
    const taken = deps.leases.takeAll(all.filter((each) => !isInHand(inHand, each)));
    const refused = taken instanceof Promise ? await taken : taken;
    if (refused) throw tooManyCalls(call, limitIn(refused), refused.retryAfterMs);
    inHand.tokens = all;
  }
  return { ...call, withinLimits: true };
}

/**
 * What a call has taken before it is admitted. When it is decided anew meanwhile, because the workspace
 * changed, that is not taken again; but of a changed allowance it is.
 */
export interface TokensInHand {
  tokens?: readonly Limited[] | undefined;
}

const isInHand = ({ tokens }: TokensInHand, { key, profile }: Limited): boolean =>
  tokens?.some((each) => each.key === key && isSame(each.profile, profile)) ?? false;

const NONE: readonly CallLimit[] = [];

function ownLimits({ caller, tool }: DecidedCall): readonly CallLimit[] {
  return (
    caller.workspace.limits?.of({
      member: caller.member.id,
      client: caller.clientId,
      connection: tool.connection.id,
      tool: tool.id,
    }) ?? NONE
  );
}

const WORKSPACE: RefusedLimit = { kind: 'workspace' };

function limitIn({ by }: Refused<CallLimit | Limited>): RefusedLimit {
  return 'id' in by ? { kind: by.kind, id: by.id } : WORKSPACE;
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
  throw tooMany(retryAfterMs, {
    caller,
    toolName: method,
    limit: WORKSPACE,
    ...(connection === undefined ? {} : { connection }),
  });
}

/** That a client's request was within its limit; the calls that are made for it are not limited again. */
export interface WithinRequestLimit {
  caller: Caller;
  withinLimits: true;
}

/** What is no call of a tool has no price. */
export function limitedBy(request: WithinRequestLimit, call: AllowedCall): ClearedCall {
  return { ...call, withinLimits: request.withinLimits, quote: FREE };
}

function tooManyCalls({ caller, tool }: DecidedCall, by: RefusedLimit, retryAfterMs: number) {
  const { shownName: toolName, connection } = tool;
  return tooMany(retryAfterMs, { caller, toolName, connection: connection.slug, limit: by });
}

function tooMany(retryAfterMs: number, about: Refusal['about']): Refusal {
  return new Refusal(
    'rate_limited',
    `Too many requests. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    { ...about, retryAfterMs },
  );
}
