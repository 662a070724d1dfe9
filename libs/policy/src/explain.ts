import type { PolicyEffect } from '@conducktor/contracts';
import type { CompiledPolicy, CompiledRule } from './compile.js';
import { asking, decide, type Asks } from './decide.js';
import type { Decision, PolicyInput } from './types.js';

export interface RuleExplanation {
  ruleId: string;
  effect: PolicyEffect;
  /**
   * `counted`: it could not be known whether the rule applies, and the call is refused for that. `failed`:
   * likewise, and a rule that allows then does not.
   */
  result: 'matched' | 'not matched' | 'counted' | 'failed';
  /** Which part did not match, what failed, or what a rule that matched asks for. */
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
  const asks = asking(input);
  return {
    decision,
    rules: policy.rules.map((rule) => explainRule(rule, input, asks)),
    sentence: sentenceOf(policy, decision),
  };
}

function explainRule(
  rule: CompiledRule,
  { caller, tool, context }: PolicyInput,
  asks: Asks,
): RuleExplanation {
  const told = { ruleId: rule.id, effect: rule.effect };
  const no = (because: string): RuleExplanation => ({ ...told, result: 'not matched', because });
  if (!rule.tool(tool)) return no('it is about other tools');
  if (rule.caller && !rule.caller(caller)) return no('it is about other callers');
  if (rule.time && !rule.time(context.now)) return no('it does not hold at this time');
  const unseen = context.seen && rule.seen?.filter((label) => !context.seen!.has(label));
  if (unseen && unseen.length > 0)
    return no(`the caller was given nothing ${unseen.join(' and nothing ')} lately`);
  const verdict = asks(rule);
  if (verdict === true) {
    const wants = wantsOf(rule);
    return { ...told, result: 'matched', ...(wants === undefined ? {} : { because: wants }) };
  }
  if (verdict === false) return no(`${rule.condition!.source} is false`);
  const what = rule.seen && !context.seen ? '"seen"' : rule.condition!.source;
  return {
    ...told,
    result: rule.effect === 'allow' ? 'failed' : 'counted',
    because: `${what} could not be evaluated: ${verdict.error}`,
  };
}

/** What a rule that matched asks for beyond yes and no. */
function wantsOf({ demand, redaction }: CompiledRule): string | undefined {
  if (demand) return `it wants ${peopleOf(demand.approvers)}`;
  if (redaction) return `it redacts ${[...redaction.from].join(' and ')}`;
  return undefined;
}

function peopleOf({
  group,
  roles,
  users,
  label,
  count,
}: NonNullable<CompiledRule['demand']>['approvers']) {
  const who = [
    group === undefined ? undefined : `the group ${group}`,
    roles && `the role ${roles.join(' or ')}`,
    users?.slice(0, 5).join(' or '),
  ].filter((part) => part !== undefined);
  const people = `${count} ${count === 1 ? 'approval' : 'approvals'} by ${who.join(' or ')}`;
  return label === undefined ? people : `${people} (${label})`;
}

function sentenceOf(
  policy: CompiledPolicy,
  { effect, ruleId, approvals, redactions }: Decision,
): string {
  const verb = { allow: 'Allowed', deny: 'Denied', require_approval: 'Needs approval' }[effect];
  const decided =
    approvals && approvals.length > 1
      ? `by the rules ${listed(approvals)}`
      : ruleId === undefined
        ? `by the default "${policy.document.default}"${redactions ? '' : '; no rule matched'}`
        : `by the rule "${ruleId}"`;
  const redacted = redactions ? ` Redacted by ${listed(redactions)}.` : '';
  return `${verb} ${decided}.${redacted}`;
}

const listed = (rules: readonly { ruleId: string }[]) =>
  rules.map(({ ruleId }) => `"${ruleId}"`).join(' and ');
