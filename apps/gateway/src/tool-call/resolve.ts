import { visibility } from '@conducktor/policy';
import { Refusal } from './refusal.js';
import { policyCaller, policyTool } from './policy-input.js';
import type { Tool } from '../workspace/types.js';
import type { Caller, Target } from './types.js';
import { viewFor } from './view-for.js';

/**
 * Name → the tool meant, out of what the path shows of the caller's snapshot. A tool that the caller may not know of
 * answers like one that does not exist.
 */
export function resolve(caller: Caller, name: string): Target {
  const tool = viewFor(caller).tools.get(name);
  if (!tool || isUnknownTo(caller, tool)) {
    throw new Refusal('unknown_tool', `Unknown tool: ${name}`, { caller, toolName: name });
  }
  requireScope(caller, { caller, tool });
  return { caller, tool };
}

/** A refused tool of a connection that the caller may use is refused by name, in `decide`. */
function isUnknownTo(caller: Caller, tool: Tool): boolean {
  const { policy } = caller.workspace;
  return visibility(policy, policyCaller(caller), policyTool(tool), siblings(tool)) === 'unknown';
}

/** One by one: they are only looked at for a tool that is refused. */
function* siblings(tool: Tool) {
  for (const sibling of tool.connection.tools) yield policyTool(sibling);
}

function requireScope(caller: Caller, target: Target): void {
  const needed = target.tool.class === 'read' ? 'mcp:read' : 'mcp:write';
  // Writing includes reading what one writes to; reading does not include writing.
  if (
    caller.scopes.includes(needed) ||
    (needed === 'mcp:read' && caller.scopes.includes('mcp:write'))
  )
    return;
  throw new Refusal('insufficient_scope', `Permission denied: this needs the scope ${needed}.`, {
    caller,
    toolName: target.tool.shownName,
    connection: target.tool.connection.slug,
    scopes: [...new Set([...caller.scopes.filter((scope) => scope.startsWith('mcp:')), needed])],
  });
}
