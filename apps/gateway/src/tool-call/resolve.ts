import { visibility } from '@conducktor/policy';
import { requireRole } from '../management/roles.js';
import { Refusal } from './refusal.js';
import { policyCaller, policyTool } from './policy-input.js';
import { requireScope } from './require-scope.js';
import type { Tool } from '../workspace/types.js';
import type { Caller, Target } from './types.js';
import { decidedOn, viewFor } from './view-for.js';

/**
 * Name → the tool meant, out of what the path shows of the caller's snapshot. A tool that the caller
 * may not know of answers like one that does not exist; one that is held back says so.
 */
export function resolve(caller: Caller, name: string): Target {
  const { tools, quarantined } = viewFor(caller);
  const tool = tools.get(name) ?? quarantined.get(name);
  if (!tool || isUnknownTo(caller, tool)) {
    throw new Refusal('unknown_tool', `Unknown tool: ${name}`, { caller, toolName: name });
  }
  if (quarantined.has(name)) throw heldBack(caller, tool);
  requireRole(caller, tool);
  requireScope(caller, tool);
  return { caller, tool };
}

/** A refused tool of a connection that the caller may use is refused by name, in `decide`. */
function isUnknownTo(caller: Caller, tool: Tool): boolean {
  const { policy } = caller.workspace;
  const seenBy = policyCaller(caller);
  return visibility(policy, seenBy, policyTool(tool), decidedOn(tool.connection)) === 'unknown';
}

/** Nobody has agreed to what its service says of it now, and what was agreed to is no longer what it does. */
function heldBack(caller: Caller, { shownName, connection }: Tool): Refusal {
  return new Refusal(
    'tool_quarantined',
    `Permission denied: ${shownName} is held back, because ${connection.slug} has added or changed it. An admin of this workspace can look at that and accept it.`,
    { caller, toolName: shownName, connection: connection.slug },
  );
}
