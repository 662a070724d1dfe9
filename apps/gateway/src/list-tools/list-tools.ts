import type { McpRequestContext, ToolListAnswer } from '../mcp/ports.js';
import { authenticate, type AuthenticateDeps } from '../tool-call/authenticate.js';
import { limitRequest, type LimitDeps } from '../tool-call/limit.js';
import { refuse, type RefuseDeps } from '../tool-call/refuse.js';
import { viewFor } from '../tool-call/view-for.js';
import { SEARCH_TOOLS } from '../tool-search/definitions.js';
import { visibleTools } from './visible-tools.js';

/** What the caller's path lists: its visible tools, or the two that search them. */
export async function listTools(
  deps: AuthenticateDeps & LimitDeps & RefuseDeps,
  context: McpRequestContext,
): Promise<ToolListAnswer> {
  try {
    const caller = await authenticate(deps, context, 'tools/list');
    await limitRequest(deps, caller, 'tools/list');
    const { tenantId, version } = caller.workspace;
    return {
      kind: 'tools',
      tools: viewFor(caller).mode === 'search' ? SEARCH_TOOLS : visibleTools(caller),
      etag: `${tenantId}-${version}${context.resourcePath}`,
    };
  } catch (error) {
    const answer = await refuse(deps, error, context, 'tools/list');
    if (answer.kind !== 'result') return answer;
    return {
      kind: 'error',
      status: 500,
      error: { code: -32_603, message: 'The tools could not be listed. Try again.' },
    };
  }
}
