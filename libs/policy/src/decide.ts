import type { CompiledPolicy, CompiledRule } from './compile.js';
import { Activation } from './condition/evaluate.js';
import type { Decision, PolicyInput } from './types.js';

const NOTHING: readonly string[] = [];

/**
 * Decides one call. Pure: no I/O, no clock, same input, same answer. Refusals win over allowances
 * whatever their order; a call that no rule matches goes by the policy's default. What cannot be
 * evaluated refuses: a denying rule counts as matched, an allowing one as not matched.
 */
export function decide(policy: CompiledPolicy, input: PolicyInput): Decision {
  const { always, denials, allowedAlways, allowances } = policy.candidates(
    input.caller,
    input.tool,
  );
  if (always) return refusal(always, [always.id]);

  let activation: Activation | undefined;
  const asks = (rule: CompiledRule) => {
    if (rule.time && !rule.time(input.context.now)) return false;
    if (!rule.condition) return true;
    return (activation ??= new Activation(input)).evaluate(rule.condition);
  };

  for (const rule of denials) {
    const verdict = asks(rule);
    if (verdict === true) return refusal(rule, [rule.id]);
    if (verdict !== false) return refusal(rule, [`${rule.id} (error)`]);
  }
  if (allowedAlways)
    return { effect: 'allow', ruleId: allowedAlways.id, trace: [allowedAlways.id] };

  let failed: string[] | undefined;
  for (const rule of allowances) {
    const verdict = asks(rule);
    if (verdict === true)
      return { effect: 'allow', ruleId: rule.id, trace: [...(failed ?? NOTHING), rule.id] };
    if (verdict !== false) (failed ??= []).push(`${rule.id} (error)`);
  }
  return byDefault(policy, input, failed ?? NOTHING);
}

/** The sentence of a rule that refuses without one of its own. */
export function messageOf(rule: CompiledRule): string {
  return rule.message ?? `The rule "${rule.id}" of your workspace does not allow this`;
}

function refusal(rule: CompiledRule, trace: readonly string[]): Decision {
  return { effect: 'deny', ruleId: rule.id, message: messageOf(rule), trace };
}

function byDefault(
  { document }: CompiledPolicy,
  { tool }: PolicyInput,
  trace: readonly string[],
): Decision {
  if (document.default === 'allow') return { effect: 'allow', trace };
  if (document.default === 'deny')
    return { effect: 'deny', message: 'No rule of your workspace allows this', trace };
  if (tool.class === 'read') return { effect: 'allow', trace };
  return {
    effect: 'deny',
    message: 'Your workspace allows tools that only read, and no rule allows this one',
    trace,
  };
}
