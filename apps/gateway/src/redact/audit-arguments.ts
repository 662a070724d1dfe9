import { canonicalJson } from '@conducktor/catalog';
import { redactJson } from '@conducktor/policy';
import { Refusal } from '../tool-call/refusal.js';
import type { DecidedCall } from '../tool-call/types.js';

/**
 * The arguments that audit keeps, in canonical form: those that are sent, without what the policy takes
 * out of audit. Their hash in the record stays that of the arguments that are sent. Where they cannot be
 * redacted the call is refused: what may not be kept is not, and what is not recorded is not made.
 */
export function auditArguments(call: DecidedCall): string {
  const { redactions } = call.decision;
  if (!redactions?.some(({ from }) => from.has('audit'))) return call.argumentsJson;
  try {
    return canonicalJson(redactJson(redactions, 'audit', call.arguments));
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
