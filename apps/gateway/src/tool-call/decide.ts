import { decide as decideByPolicy } from '@conducktor/policy';
import { policyCaller, policyTool } from './policy-input.js';
import { Refusal } from './refusal.js';
import { connectionFrozen } from './right.js';
import type { AllowedCall, CheckedCall } from './types.js';

const DEFAULT_SENTENCE = 'no policy rule of this workspace allows it';

/**
 * Whether the connection takes calls at all, then the workspace's active policy on this very call.
 * Pure; an error inside counts as a denial.
 */
export function decide(call: CheckedCall): AllowedCall {
  const { caller, tool } = call;
  const frozen = connectionFrozen(tool.connection);
  if (frozen !== undefined)
    throw new Refusal('frozen', `Permission denied: ${frozen}`, {
      caller,
      toolName: tool.shownName,
      connection: tool.connection.slug,
      argumentsHash: call.argumentsHash,
    });
  const decision = decideByPolicy(caller.workspace.policy, {
    caller: policyCaller(caller),
    tool: policyTool(tool),
    args: call.arguments,
    context: { now: new Date(), sourceIp: caller.context.sourceIp },
  });
  if (decision.effect === 'allow') return { ...call, decision: { ...decision, effect: 'allow' } };
  throw new Refusal('policy_denied', `Permission denied: ${decision.message ?? DEFAULT_SENTENCE}`, {
    caller,
    toolName: tool.shownName,
    connection: tool.connection.slug,
    argumentsHash: call.argumentsHash,
    ...(decision.ruleId === undefined ? {} : { rule: decision.ruleId }),
  });
}
