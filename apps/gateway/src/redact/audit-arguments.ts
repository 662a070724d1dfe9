import { canonicalJson } from '@conducktor/catalog';
import { redactionsOf, redactJson, type PolicyInput, type Redaction } from '@conducktor/policy';
import { Refusal, type KeptArguments } from '../tool-call/refusal.js';
import type { CheckedCall, DecidedCall } from '../tool-call/types.js';

// Refusals are not limited in their rate as calls are, only in their records: ten of a kind at once, ten a
// minute. Arguments of nearly all calls are far smaller.
const MOST_OF_REFUSED = 65_536;

/**
 * The arguments that audit keeps, in canonical form: those that are sent, without what the policy takes
 * out of audit. Their hash in the record stays that of the arguments that are sent. Where they cannot be
 * redacted the call is refused: what may not be kept is not, and what is not recorded is not made.
 */
export function auditArguments(call: DecidedCall): string {
  try {
    return without(call.decision.redactions, call);
  } catch {
    throw new Refusal(
      'policy_denied',
      'Permission denied: what audit keeps of this call cannot be redacted as the policy of this workspace demands.',
      {
        caller: call.caller,
        toolName: call.tool.shownName,
        connection: call.tool.connection.slug,
        argumentsHash: call.argumentsHash,
      },
    );
  }
}

/**
 * Likewise of a call that policy refuses, decided on as `input`. Nothing is kept where it cannot be known
 * what to take out, and of what is larger than refusals may fill the store with.
 */
export function refusedArguments(call: CheckedCall, input: PolicyInput): KeptArguments {
  const size = call.argumentsJson.length;
  const nothing = { size, json: undefined, redacted: false };
  if (size > MOST_OF_REFUSED) return nothing;
  const redactions = redactionsOf(call.caller.workspace.policy, input);
  if (!redactions) return nothing;
  try {
    const json = without(redactions, call);
    return { size, json, redacted: json !== call.argumentsJson };
  } catch {
    return nothing;
  }
}

function without(redactions: readonly Redaction[] | undefined, call: CheckedCall): string {
  return redactions?.some(({ from }) => from.has('audit'))
    ? canonicalJson(redactJson(redactions, 'audit', call.arguments))
    : call.argumentsJson;
}
