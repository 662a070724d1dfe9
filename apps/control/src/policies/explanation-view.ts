import { labelOf } from '@conducktor/approvals';
import type { PolicyExplanation, ToolLabel } from '@conducktor/contracts';
import type { Explanation, PolicyCaller, PolicyTool } from '@conducktor/policy';
import type { PolicyToTry } from './policy-to-try.js';

/** What a call is made of, and what had to be assumed of it. */
export interface CallToExplain {
  caller: PolicyCaller;
  tool: PolicyTool;
  args: Record<string, unknown>;
  at: Date;
  sourceIp: string | undefined;
  seen: ReadonlySet<ToolLabel>;
  notes: string[];
}

/** As the REST API answers it. */
export function viewOf(
  { version }: PolicyToTry,
  { caller, tool, at, seen, notes }: CallToExplain,
  { decision, rules, sentence }: Explanation,
): PolicyExplanation {
  return {
    version,
    call: {
      member: caller.email,
      groups: [...caller.groups],
      roles: [...caller.roles],
      client: caller.clientId,
      tool: tool.name,
      connection: tool.connection,
      class: tool.class,
      labels: [...tool.labels],
      at: at.toISOString(),
      seen: [...seen],
    },
    effect: decision.effect,
    rule: decision.ruleId ?? null,
    message: decision.effect === 'deny' ? (decision.message ?? null) : null,
    trace: [...decision.trace],
    rules: rules.map(({ ruleId, effect, result, because }) => ({
      rule: ruleId,
      effect,
      result,
      because: because ?? null,
    })),
    approvals: (decision.approvals ?? []).map(({ ruleId, approvers, expiresMs, onApproval }) => ({
      rule: ruleId,
      from: labelOf(approvers),
      count: approvers.count,
      expiresMs,
      onApproval,
    })),
    redactions: (decision.redactions ?? []).map(({ ruleId, from }) => ({
      rule: ruleId,
      from: [...from],
    })),
    sentence,
    notes,
  };
}
