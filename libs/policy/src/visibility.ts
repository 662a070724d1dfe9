import { isUnconditional, type CompiledPolicy } from './compile.js';
import type { PolicyCaller, PolicyTool } from './types.js';

/**
 * What a caller is to see of a tool:
 * - `listed`: in lists, and callable subject to conditions
 * - `unlisted`: not in lists; a call is refused as `policy_denied` with the rule's sentence
 * - `unknown`: as if it did not exist; a call is answered as `unknown_tool`
 */
export type Visibility = 'listed' | 'unlisted' | 'unknown';

/** Whether the tool belongs into the caller's lists. Constant time for objects seen before. */
export function visible(policy: CompiledPolicy, caller: PolicyCaller, tool: PolicyTool): boolean {
  const standing = standingOf(policy, caller, tool);
  return standing === 'usable' || standing === 'kept';
}

/**
 * How a tool shows itself. `siblings` are the tools of its connection: as long as the caller may use
 * any of them, or is told why not, the connection is one that the caller may know about, and a
 * refused tool of it is refused by name. Linear in the siblings for refused tools, constant otherwise.
 */
export function visibility(
  policy: CompiledPolicy,
  caller: PolicyCaller,
  tool: PolicyTool,
  siblings: Iterable<PolicyTool> = [tool],
): Visibility {
  const standing = standingOf(policy, caller, tool);
  if (standing === 'usable' || standing === 'kept') return 'listed';
  if (standing === 'explained') return 'unlisted';
  for (const sibling of siblings) {
    if (standingOf(policy, caller, sibling) !== 'refused') return 'unlisted';
  }
  return 'unknown';
}

type Standing = 'usable' | 'kept' | 'explained' | 'refused';

/** What can be said of a caller and a tool without arguments and clock. */
function standingOf(policy: CompiledPolicy, caller: PolicyCaller, tool: PolicyTool): Standing {
  const { always, approvals, allowedAlways, allowances } = policy.candidates(caller, tool);
  if (always) {
    if (always.list) return 'kept';
    return always.message === undefined ? 'refused' : 'explained';
  }
  if (allowedAlways || allowances.length > 0 || approvals.length > 0) return 'usable';
  const byDefault = policy.document.default;
  if (byDefault === 'allow' || (byDefault === 'allow-read' && tool.class === 'read'))
    return 'usable';
  return 'refused';
}

/**
 * Whether a call of the tool by this caller waits for somebody's approval: `always`, whatever the arguments
 * and the time, `perhaps`, or `never`. Constant time for objects seen before.
 */
export function approvalNeed(
  policy: CompiledPolicy,
  caller: PolicyCaller,
  tool: PolicyTool,
): 'always' | 'perhaps' | 'never' {
  const { always, approvals } = policy.candidates(caller, tool);
  if (always || approvals.length === 0) return 'never';
  return approvals.some(isUnconditional) ? 'always' : 'perhaps';
}
