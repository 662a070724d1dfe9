import type { NotJudged, PolicyDocument } from '@conducktor/contracts';
import { decide, type CompiledPolicy, type Decision, type PolicyInput } from '@conducktor/policy';
import type { RecordedCallRow } from '@conducktor/db';
import type { SeenSoFar } from './seen-so-far.js';
import type { World } from './world.js';

/** A recorded call with everything but its arguments. */
export type CallToJudge = Omit<PolicyInput, 'args'>;

/** The recorded call as this policy is to see it, or why that is not possible. */
export function callToJudge(
  row: RecordedCallRow,
  { world, seen }: { world: World; seen: SeenSoFar | undefined },
): CallToJudge | { notJudged: NotJudged } {
  const { memberId, clientId } = row;
  const caller = memberId === null ? undefined : world.caller(memberId, clientId ?? '');
  if (!caller) return { notJudged: 'member_gone' };
  const tool = row.tool === null ? undefined : world.tool(row.tool, row.connection);
  if (!tool) return { notJudged: 'tool_gone' };
  const { sourceIp } = row.detail;
  return {
    caller,
    tool,
    context: {
      now: row.at,
      sourceIp: typeof sourceIp === 'string' ? sourceIp : undefined,
      seen: seen?.at(caller.memberId, caller.clientId, row.at.getTime()),
    },
  };
}

/**
 * Decides without the arguments. Undefined: the decision hangs on them. So arguments are opened for calls
 * that a condition is asked about and for no other, and a call whose arguments are gone is judged where
 * they make no difference.
 */
export function decideWithout(policy: CompiledPolicy, call: CallToJudge): Decision | undefined {
  let asked = false;
  const decision = decide(policy, {
    ...call,
    get args() {
      asked = true;
      return {};
    },
  });
  return asked ? undefined : decision;
}

/** What a person would read, in one sentence. */
export function sentenceOf(
  { effect, ruleId, message }: Decision,
  document: PolicyDocument,
): string {
  const by = ruleId === undefined ? `the default "${document.default}"` : `the rule "${ruleId}"`;
  if (effect === 'deny') return `Permission denied: ${message ?? `refused by ${by}`}`;
  return effect === 'allow' ? `Allowed by ${by}.` : `Approval required by ${by}.`;
}

/** Every rule that had a part in what was decided; '' for the default. */
export function rulesOf({ ruleId, approvals, redactions }: Decision): string[] {
  return [
    ...new Set([
      ruleId ?? '',
      ...(approvals ?? []).map((demand) => demand.ruleId),
      ...(redactions ?? []).map((redaction) => redaction.ruleId),
    ]),
  ];
}
