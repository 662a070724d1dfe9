import type { GovernedDeps } from '../governed.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { McpRequestInput, ToolCallAnswer } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { checkEntry } from '../tool-call/check-entry.js';
import { entryOf } from '../tool-call/entries.js';
import { runEntry } from '../tool-call/run-entry.js';
import { findResource } from './find-resource.js';

const METHOD = 'resources/read';

/** `resources/read`, governed like a tool call. Policies see `<slug>_resources/read` with the upstream's URI. */
export function readResource(deps: GovernedDeps, input: McpRequestInput): Promise<ToolCallAnswer> {
  return inRounds(deps, input, async (round) => {
    const caller = await authenticate(deps, input.context, input.method);
    const { connection, uri } = await findResource(deps, caller, input.params['uri'], METHOD);
    const request = {
      method: METHOD,
      entry: entryOf(connection, METHOD),
      arguments: { ...input.params, uri },
      name: uri,
    } as const;
    return runEntry(deps, checkEntry(caller, request, input), round);
  });
}
