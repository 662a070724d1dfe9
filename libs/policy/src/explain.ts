import type { PolicyEffect } from '@conducktor/contracts';
import type { CompiledPolicy, CompiledRule } from './compile.js';
import { Activation } from './condition/evaluate.js';
import { decide } from './decide.js';
import type { Decision, PolicyInput } from './types.js';

export interface RuleExplanation {
  ruleId: string;
  effect: PolicyEffect;
  /** `counted`: the condition failed, and the rule counts as matched because it denies. */
  result: 'matched' | 'not matched' | 'counted' | 'failed';
  /** Which part did not match, or what failed. */
  because?: string;
}

export interface Explanation {
  decision: Decision;
  rules: RuleExplanation[];
  sentence: string;
}

/** Every rule's part in a decision, in the document's order. For people; many times dearer than `decide`. */
export function explain(policy: CompiledPolicy, input: PolicyInput): Explanation {
  const decision = decide(policy, input);
  const activation = new Activation(input);
  return {
    decision,
    rules: policy.rules.map((rule) => explainRule(rule, input, activation)),
    sentence: sentenceOf(policy, decision),
  };
}

function explainRule(
  rule: CompiledRule,
  { caller, tool, context }: PolicyInput,
  activation: Activation,
): RuleExplanation {
  const told = { ruleId: rule.id, effect: rule.effect };
  const no = (because: string): RuleExplanation => ({ ...told, result: 'not matched', because });
  if (!rule.tool(tool)) return no('it is about other tools');
  if (rule.caller && !rule.caller(caller)) return no('it is about other callers');
  if (rule.time && !rule.time(context.now)) return no('it does not hold at this time');
  if (!rule.condition) return { ...told, result: 'matched' };
  const verdict = activation.evaluate(rule.condition);
  if (verdict === true) return { ...told, result: 'matched' };
  if (verdict === false) return no(`${rule.condition.source} is false`);
  return {
    ...told,
    result: rule.effect === 'deny' ? 'counted' : 'failed',
    because: `${rule.condition.source} could not be evaluated: ${verdict.error}`,
  };
}

function sentenceOf(policy: CompiledPolicy, decision: Decision): string {
  const verb = decision.effect === 'allow' ? 'Allowed' : 'Denied';
  if (decision.ruleId) return `${verb} by the rule "${decision.ruleId}".`;
  return `${verb} by the default "${policy.document.default}"; no rule matched.`;
}
