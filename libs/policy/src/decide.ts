import type { Candidates, CompiledPolicy, CompiledRule } from './compile.js';
import { Activation, type Verdict } from './condition/evaluate.js';
import type { Decision, PolicyContext, PolicyInput, Redaction } from './types.js';

const NOTHING: readonly string[] = [];

/** Whether what a rule asks at each call holds; a sentence when that cannot be known. */
export type Asks = (rule: CompiledRule) => Verdict;

/**
 * Decides one call. Pure: no I/O, no clock, same input, same answer. Refusal wins over approval and
 * approval over allowance, whatever the order of the rules; a call that no rule matches goes by the
 * policy's default; redactions add up beside what lets the call through. What cannot be evaluated
 * refuses: only a rule that allows counts as not matched.
 */
export function decide(policy: CompiledPolicy, input: PolicyInput): Decision {
  const candidates = policy.candidates(input.caller, input.tool);
  if (candidates.always) return refusal(candidates.always, [candidates.always.id]);

  const asks = asking(input);
  for (const rule of candidates.denials) {
    const verdict = asks(rule);
    if (verdict === true) return refusal(rule, [rule.id]);
    if (verdict !== false) return refusal(rule, [`${rule.id} (error)`]);
  }
  const { approvals, redactions } = candidates;
  return approvals.length === 0 && redactions.length === 0
    ? allowance(policy, input, candidates, asks)
    : bound(policy, input, candidates, asks);
}

/** The parts of rules that are left to ask of this very call, on one budget of work. */
export function asking(input: PolicyInput): Asks {
  let activation: Activation | undefined;
  return (rule) => {
    if (rule.time && !rule.time(input.context.now)) return false;
    if (rule.seen) {
      const seen = wasGiven(rule.seen, input.context);
      if (seen !== true) return seen;
    }
    if (!rule.condition) return true;
    return (activation ??= new Activation(input)).evaluate(rule.condition);
  };
}

function wasGiven(labels: NonNullable<CompiledRule['seen']>, { seen }: PolicyContext): Verdict {
  // Never "not seen": somebody forgot to look.
  if (!seen) return { error: 'what the caller was given before is not known' };
  return labels.every((label) => seen.has(label));
}

/** A decision where approvals or redactions may come in: all of them are asked, for all must be met. */
function bound(
  policy: CompiledPolicy,
  input: PolicyInput,
  candidates: Candidates,
  asks: Asks,
): Decision {
  const approving = matching(candidates.approvals, asks);
  if ('failed' in approving) return failure(approving.failed);
  const redacting = matching(candidates.redactions, asks);
  if ('failed' in redacting) return failure(redacting.failed);

  const beside = redacting.map(({ id }) => id);
  const [first, ...others] = approving;
  const decision: Decision = first
    ? {
        effect: 'require_approval',
        ruleId: first.id,
        trace: [...beside, ...others.map(({ id }) => id), first.id],
        approvals: approving.map(({ demand }) => demand!),
      }
    : allowance(policy, input, candidates, asks, beside);
  if (decision.effect === 'deny' || redacting.length === 0) return decision;
  return { ...decision, redactions: redacting.map(({ redaction }) => redaction!) };
}

/**
 * What rules take out of a call, whatever becomes of it: what audit keeps of one that is refused lacks it
 * too. Undefined: a rule could not be asked whether it applies, so nothing may be kept.
 */
export function redactionsOf(
  policy: CompiledPolicy,
  input: PolicyInput,
): readonly Redaction[] | undefined {
  const { redactions } = policy.candidates(input.caller, input.tool);
  const redacting = matching(redactions, asking(input));
  return 'failed' in redacting ? undefined : redacting.map(({ redaction }) => redaction!);
}

/** All of the rules that apply, or the first that could not be asked. */
function matching(
  rules: readonly CompiledRule[],
  asks: Asks,
): CompiledRule[] | { failed: CompiledRule } {
  const matched = [];
  for (const rule of rules) {
    const verdict = asks(rule);
    if (verdict === true) matched.push(rule);
    else if (verdict !== false) return { failed: rule };
  }
  return matched;
}

function allowance(
  policy: CompiledPolicy,
  input: PolicyInput,
  { allowedAlways, allowances }: Candidates,
  asks: Asks,
  before = NOTHING,
): Decision {
  if (allowedAlways)
    return { effect: 'allow', ruleId: allowedAlways.id, trace: [...before, allowedAlways.id] };
  let trace = before;
  for (const rule of allowances) {
    const verdict = asks(rule);
    if (verdict === true) return { effect: 'allow', ruleId: rule.id, trace: [...trace, rule.id] };
    if (verdict !== false) trace = [...trace, `${rule.id} (error)`];
  }
  return byDefault(policy, input, trace);
}

/** The sentence of a rule that refuses without one of its own. */
export function messageOf(rule: CompiledRule): string {
  return rule.message ?? `The rule "${rule.id}" of your workspace does not allow this`;
}

function refusal(rule: CompiledRule, trace: readonly string[]): Decision {
  return { effect: 'deny', ruleId: rule.id, message: messageOf(rule), trace };
}

/** Of a rule that wants approval or redacts, and could not be asked whether it applies. */
function failure({ id }: CompiledRule): Decision {
  const message = `The rule "${id}" of your workspace cannot be decided for this call`;
  return { effect: 'deny', ruleId: id, message, trace: [`${id} (error)`] };
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
