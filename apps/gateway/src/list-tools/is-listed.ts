import { visible } from '@conducktor/policy';
import { mayUse } from '../management/roles.js';
import { policyCaller, policyTool } from '../tool-call/policy-input.js';
import type { Caller } from '../tool-call/types.js';
import type { Tool } from '../workspace/types.js';

/** Whether lists have this tool of the view for this caller: not frozen, for their roles, and by policy. */
export function isListed(caller: Caller, tool: Tool): boolean {
  return (
    tool.connection.frozen === undefined &&
    mayUse(caller, tool) &&
    visible(caller.workspace.policy, policyCaller(caller), policyTool(tool))
  );
}
