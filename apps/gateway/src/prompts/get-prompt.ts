import type { GovernedDeps } from '../governed.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { McpRequestInput, ToolCallAnswer } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { checkEntry } from '../tool-call/check-entry.js';
import { entryOf } from '../tool-call/entries.js';
import { Refusal } from '../tool-call/refusal.js';
import { runEntry } from '../tool-call/run-entry.js';
import type { Caller } from '../tool-call/types.js';
import { findPrompt } from './find-prompt.js';

const METHOD = 'prompts/get';

/** `prompts/get`, governed like a tool call. Policies see `<slug>_prompts/get` with name and arguments. */
export function getPrompt(deps: GovernedDeps, input: McpRequestInput): Promise<ToolCallAnswer> {
  return inRounds(deps, input, async (round) => {
    const caller = await authenticate(deps, input.context, input.method);
    const { connection, name } = await findPrompt(deps, caller, input.params['name'], METHOD);
    const sent = argumentsOf(caller, input.params);
    const request = {
      method: METHOD,
      entry: entryOf(connection, METHOD),
      arguments: { name, arguments: sent },
      name,
      sent,
    } as const;
    return runEntry(deps, checkEntry(caller, request, input), round);
  });
}

function argumentsOf(caller: Caller, params: Record<string, unknown>): Record<string, unknown> {
  const value = params['arguments'] ?? {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Refusal('invalid_arguments', 'The arguments must be a JSON object.', {
    caller,
    toolName: METHOD,
  });
}
