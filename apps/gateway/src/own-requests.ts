import type { Activity } from './activity/activity.js';
import type {
  AuthenticateAnswer,
  Challenge,
  Failure,
  Introduction,
  McpRequestContext,
} from './mcp/ports.js';
import { authenticate, identify, type AuthenticateDeps } from './tool-call/authenticate.js';
import { limitRequest, type LimitDeps } from './tool-call/limit.js';
import { Refusal } from './tool-call/refusal.js';
import { refuse, type RefuseDeps } from './tool-call/refuse.js';
import { whyFrozen } from './tool-call/right.js';
import { rpcError } from './tool-call/rpc-errors.js';
import type { Caller } from './tool-call/types.js';
import { viewFor } from './tool-call/view-for.js';
import { CALL_TOOL, FIND_TOOLS } from './tool-search/definitions.js';

type OwnDeps = AuthenticateDeps & LimitDeps & RefuseDeps;

/** Who has come, by the snapshot as it is now. Never rejects, and records nothing: nothing was asked yet. */
export async function arrive(
  deps: AuthenticateDeps & RefuseDeps & { activity: Activity },
  context: McpRequestContext,
  look: 'look' | undefined,
): Promise<AuthenticateAnswer> {
  try {
    const caller = await identify(deps, context);
    deps.activity.note(caller, look ? 0 : 1);
    if (!look) deps.metrics.arrived('ok');
    const principal = `${caller.workspace.tenantId} ${caller.member.id} ${caller.clientId}`;
    const frozen = whyFrozen(caller.workspace, caller);
    if (frozen === undefined) return { kind: 'caller', principal };
    const error = rpcError('frozen', `Permission denied: ${frozen}`, undefined);
    return { kind: 'caller', principal, frozen: { kind: 'error', error } };
  } catch (error) {
    if (!look) deps.metrics.arrived(error instanceof Refusal ? error.code : 'unavailable');
    const answer = await refuse(deps, error, context, OWN);
    return answer.kind === 'result' ? FAILED : answer;
  }
}

/**
 * For what the transports answer by themselves: one token of the same allowance that lists and reads
 * take from. `undefined` when there was one.
 */
export function limitOwn(
  deps: OwnDeps,
  context: McpRequestContext,
  what: string,
): Promise<Failure | Challenge | undefined> {
  return byCaller(deps, context, what, async (caller) => {
    await limitRequest(deps, caller, what);
    return undefined;
  });
}

/** What a model is told of the view at this path, besides what holds for every path. */
export function introduce(
  deps: OwnDeps,
  context: McpRequestContext,
): Promise<Introduction | Failure | Challenge> {
  return byCaller(deps, context, 'initialize', async (caller) => {
    const view = viewFor(caller);
    if (view.mode === 'search') return SEARCHED;
    // Connections and toolsets share their slugs: at its own path a server speaks for itself.
    const own = view.connections.find(({ slug }) => context.resourcePath === `/mcp/${slug}`);
    if (!own?.instructions) return LISTED;
    return {
      kind: 'introduction',
      instructions: `What ${own.slug} says of itself:\n${own.instructions}`,
    };
  });
}

const LISTED: Introduction = { kind: 'introduction' };
const SEARCHED: Introduction = {
  kind: 'introduction',
  instructions: `The tools are not listed here: find them with ${FIND_TOOLS}, by words of what they should do. Call what it finds with ${CALL_TOOL}.`,
};

/** Never a call: whatever is refused is answered by a JSON-RPC error. */
const OWN = 'a request of the transport';

async function byCaller<T>(
  deps: OwnDeps,
  context: McpRequestContext,
  what: string,
  run: (caller: Caller) => Promise<T>,
): Promise<T | Failure | Challenge> {
  try {
    return await run(await authenticate(deps, context, what));
  } catch (error) {
    const answer = await refuse(deps, error, context, OWN);
    return answer.kind === 'result' ? FAILED : answer;
  }
}

const FAILED: Failure = {
  kind: 'error',
  status: 500,
  error: rpcError('internal_error', 'This request failed inside the gateway.', undefined),
};
