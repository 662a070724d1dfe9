import { visible, type PolicyCaller } from '@conducktor/policy';
import type { McpRequestContext, ToolListAnswer } from '../mcp/ports.js';
import { authenticate, type AuthenticateDeps } from '../tool-call/authenticate.js';
import { policyCaller, policyTool } from '../tool-call/policy-input.js';
import { refuse, type RefuseDeps } from '../tool-call/refuse.js';
import type { Workspace } from '../workspace/types.js';
import { presentTool } from './present-tool.js';

type Tools = readonly Record<string, unknown>[];

// One list per snapshot and caller, made when first asked for; it goes with the snapshot.
const lists = new WeakMap<Workspace, WeakMap<PolicyCaller, Tools>>();

/** The tools that this caller may know of, in the order of their names. */
export async function listTools(
  deps: AuthenticateDeps & RefuseDeps,
  context: McpRequestContext,
): Promise<ToolListAnswer> {
  try {
    const caller = await authenticate(deps, context);
    const { workspace } = caller;
    const seenBy = policyCaller(caller);
    let ofWorkspace = lists.get(workspace);
    if (!ofWorkspace) lists.set(workspace, (ofWorkspace = new WeakMap()));
    let tools = ofWorkspace.get(seenBy);
    if (!tools) {
      tools = [...workspace.tools.values()]
        .filter((tool) => visible(workspace.policy, seenBy, policyTool(tool)))
        .map((tool) =>
          presentTool(tool.definition, {
            shownName: tool.shownName,
            class: tool.class,
            scopes: [],
          }),
        );
      ofWorkspace.set(seenBy, tools);
    }
    return { kind: 'tools', tools, etag: `${workspace.tenantId}-${workspace.version}` };
  } catch (error) {
    const answer = await refuse(deps, error, context);
    if (answer.kind !== 'result') return answer;
    return {
      kind: 'error',
      status: 500,
      error: { code: -32_603, message: 'The tools could not be listed. Try again.' },
    };
  }
}
