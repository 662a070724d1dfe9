import { visible, type PolicyCaller } from '@conducktor/policy';
import type { McpRequestContext, ToolListAnswer } from '../mcp/ports.js';
import { authenticate, type AuthenticateDeps } from '../tool-call/authenticate.js';
import { limitRequest, type LimitDeps } from '../tool-call/limit.js';
import { policyCaller, policyTool } from '../tool-call/policy-input.js';
import { refuse, type RefuseDeps } from '../tool-call/refuse.js';
import { viewFor } from '../tool-call/view-for.js';
import type { View } from '../workspace/view.js';
import { presentTool } from './present-tool.js';

type Tools = readonly Record<string, unknown>[];

// One list per view and caller, made when first asked for; it goes with the snapshot.
const lists = new WeakMap<View, WeakMap<PolicyCaller, Tools>>();

/** The tools of this path that this caller may know of, in the order of their names. */
export async function listTools(
  deps: AuthenticateDeps & LimitDeps & RefuseDeps,
  context: McpRequestContext,
): Promise<ToolListAnswer> {
  try {
    const caller = await authenticate(deps, context);
    await limitRequest(deps, caller, 'tools/list');
    const { workspace } = caller;
    const seenBy = policyCaller(caller);
    const view = viewFor(caller);
    let ofView = lists.get(view);
    if (!ofView) lists.set(view, (ofView = new WeakMap()));
    let tools = ofView.get(seenBy);
    if (!tools) {
      tools = [...view.tools]
        .filter(([, tool]) => visible(workspace.policy, seenBy, policyTool(tool)))
        .map(([name, tool]) =>
          presentTool(tool.definition, {
            shownName: name,
            class: tool.class,
            scopes: [],
          }),
        );
      ofView.set(seenBy, tools);
    }
    return {
      kind: 'tools',
      tools,
      etag: `${workspace.tenantId}-${workspace.version}${context.resourcePath}`,
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
