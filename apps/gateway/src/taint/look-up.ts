import { policyCaller, policyTool } from '../tool-call/policy-input.js';
import type { CheckedCall } from '../tool-call/types.js';
import type { Taints } from './taints.js';

/**
 * The call with what its client was given before, where a rule that may apply to it asks for that. It is
 * looked up when the arguments are there: whatever was given before them is found. Other calls pass
 * as they are. Rejects with `governance_unavailable`: such a call is not decided without.
 */
export async function lookUpSeen<Call extends CheckedCall>(
  deps: { taints: Taints },
  call: Call,
): Promise<Call> {
  if (!asksSeen(call)) return call;
  const { caller } = call;
  return { ...call, seen: await deps.taints.seen(caller, caller.workspace.policy.window) };
}

/** Whether it cannot be decided without. */
export function asksSeen({ caller, tool }: CheckedCall): boolean {
  return caller.workspace.policy.asksSeen(policyCaller(caller), policyTool(tool));
}
