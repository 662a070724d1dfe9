import type { GovernedDeps } from '../governed.js';
import { findPrompt } from '../prompts/find-prompt.js';
import { findResource } from '../resources/find-resource.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { McpRequestInput, ToolCallAnswer } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { checkEntry } from '../tool-call/check-entry.js';
import { entryOf } from '../tool-call/entries.js';
import { Refusal } from '../tool-call/refusal.js';
import { runEntry } from '../tool-call/run-entry.js';
import type { Caller } from '../tool-call/types.js';
import type { ConnectionEntry } from '../workspace/types.js';

const METHOD = 'completion/complete';

/**
 * `completion/complete`, governed like a tool call: what a person has begun to type leaves for the
 * upstream. Policies see `<slug>_completion/complete` with the upstream's own reference.
 */
export function complete(deps: GovernedDeps, input: McpRequestInput): Promise<ToolCallAnswer> {
  return inRounds(deps, input, async (round) => {
    const caller = await authenticate(deps, input.context, METHOD);
    const { connection, ref } = await findReference(deps, caller, input.params['ref']);
    const request = {
      method: METHOD,
      entry: entryOf(connection, METHOD),
      arguments: { ...input.params, ref },
      name: '',
    } as const;
    return runEntry(deps, checkEntry(caller, request, input), round);
  });
}

/** A prompt by its name, or a resource template by the template itself. */
async function findReference(
  deps: GovernedDeps,
  caller: Caller,
  ref: unknown,
): Promise<{ connection: ConnectionEntry; ref: Record<string, unknown> }> {
  const fields = typeof ref === 'object' && ref !== null ? (ref as Record<string, unknown>) : {};
  switch (fields['type']) {
    case 'ref/prompt': {
      const { connection, name } = await findPrompt(deps, caller, fields['name'], METHOD);
      return { connection, ref: { ...fields, name } };
    }
    case 'ref/resource': {
      const { connection, uri } = await findResource(deps, caller, fields['uri'], METHOD);
      return { connection, ref: { ...fields, uri } };
    }
    default:
      throw new Refusal('invalid_arguments', 'ref must be a ref/prompt or a ref/resource.', {
        caller,
        toolName: METHOD,
      });
  }
}
