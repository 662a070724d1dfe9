import type { GovernedDeps } from '../governed.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { McpRequestInput, ToolCallAnswer } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { limitRequest } from '../tool-call/limit.js';
import { Refusal } from '../tool-call/refusal.js';
import type { Caller } from '../tool-call/types.js';
import { beginnings, collect } from './collect.js';
import { openCursor, sealCursor, type Position } from './list-cursor.js';
import { LISTS, type ListMethod } from './lists.js';

/**
 * `resources/list`, `resources/templates/list` and `prompts/list` over all upstreams of the path that
 * the caller may list. Each upstream's page is a governed call; the client's request is limited once.
 */
export function listUpstreams(
  deps: GovernedDeps,
  input: McpRequestInput & { method: ListMethod },
): Promise<ToolCallAnswer> {
  const { method, params } = input;
  return inRounds(deps, input, async () => {
    const caller = await authenticate(deps, input.context, input.method);
    const request = await limitRequest(deps, caller, method);
    const positions =
      params['cursor'] === undefined
        ? beginnings(request, method)
        : positionsOf(deps, caller, method, params['cursor']);
    const { items, next, unavailable, ttlMs } = await collect(deps, request, method, positions);
    return {
      kind: 'result',
      result: {
        [LISTS[method].field]: items,
        ...(next.length > 0 && { nextCursor: sealCursor(deps.cursorKey, caller, method, next) }),
        ttlMs: ttlMs === Infinity ? UNCHANGED_TTL_MS : Math.floor(ttlMs),
        cacheScope: 'private',
        ...(unavailable.length > 0 && {
          _meta: { 'conducktor/unavailable': [...new Set(unavailable)] },
        }),
      },
    };
  });
}

// Of a list that no upstream has a part in: it changes with the workspace.
const UNCHANGED_TTL_MS = 5_000;

function positionsOf(
  deps: GovernedDeps,
  caller: Caller,
  method: ListMethod,
  cursor: unknown,
): Position[] {
  const positions =
    typeof cursor === 'string' ? openCursor(deps.cursorKey, caller, method, cursor) : undefined;
  if (positions) return positions;
  throw new Refusal('invalid_arguments', 'Unknown cursor. Ask without one.', {
    caller,
    toolName: method,
  });
}
