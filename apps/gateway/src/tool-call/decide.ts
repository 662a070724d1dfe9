import { decide as decideByPolicy, type PolicyInput } from '@conducktor/policy';
import type { CallToApprove } from '../approvals/types.js';
import { refusedArguments } from '../redact/audit-arguments.js';
import { policyCaller, policyTool } from './policy-input.js';
import { Refusal } from './refusal.js';
import { connectionFrozen } from './right.js';
import type { AllowedCall, CheckedCall, DecidedCall } from './types.js';

const DEFAULT_SENTENCE = 'no policy rule of this workspace allows it';

/**
 * Whether the connection takes calls at all, then the workspace's active policy on this very call.
 * Pure; an error inside counts as a denial, and so does that somebody would have to approve it first:
 * only calls of tools can wait for that.
 */
export function decide(call: CheckedCall): AllowedCall {
  const decided = decideTool(call);
  if (!wantsApproval(decided)) return decided;
  const { ruleId } = decided.decision;
  throw new Refusal(
    'approval_required',
    `Approval required by the rule "${ruleId}" of your workspace, and only calls of tools can be approved.`,
    aboutRefused(call, ruleId),
  );
}

export function wantsApproval<Call extends DecidedCall>(
  call: Call,
): call is Extract<Call, CallToApprove> {
  return call.decision.effect === 'require_approval';
}

/** The same for the call of a tool, which can wait for its approval: see `approve`. */
export function decideTool(call: CheckedCall): DecidedCall {
  const { caller, tool } = call;
  const frozen = connectionFrozen(tool.connection);
  if (frozen !== undefined)
    throw new Refusal('frozen', `Permission denied: ${frozen}`, aboutCall(call, undefined));
  const input = policyInput(call);
  const decision = decideByPolicy(caller.workspace.policy, input);
  const { effect } = decision;
  if (effect === 'allow') return { ...call, decision: { ...decision, effect } };
  if (effect === 'require_approval') return { ...call, decision: { ...decision, effect } };
  const sentence = `Permission denied: ${decision.message ?? DEFAULT_SENTENCE}`;
  throw new Refusal('policy_denied', sentence, aboutRefused(call, decision.ruleId, input));
}

/** The call as policies see it, and prices that hang on it. */
export function policyInput({ caller, tool, arguments: args, seen }: CheckedCall): PolicyInput {
  return {
    caller: policyCaller(caller),
    tool: policyTool(tool),
    args,
    context: { now: new Date(), sourceIp: caller.context.sourceIp, seen },
  };
}

/** Of a call that policy did not let through: with what it was made, so that another policy can be tried on it. */
export function aboutRefused(
  call: CheckedCall,
  rule: string | undefined,
  input = policyInput(call),
): Refusal['about'] {
  return { ...aboutCall(call, rule), kept: () => refusedArguments(call, input) };
}

/** What a refusal's record says of the call. */
export function aboutCall(
  { caller, tool, argumentsHash }: CheckedCall,
  rule: string | undefined,
): Refusal['about'] {
  return {
    caller,
    toolName: tool.shownName,
    connection: tool.connection.slug,
    argumentsHash,
    ...(rule === undefined ? {} : { rule }),
  };
}
