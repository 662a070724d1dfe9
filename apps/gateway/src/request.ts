import { complete } from './completions/complete.js';
import type { GovernedDeps } from './governed.js';
import { listUpstreams } from './lists/list-upstreams.js';
import type { McpRequestInput, ToolCallAnswer } from './mcp/ports.js';
import { getPrompt } from './prompts/get-prompt.js';
import { readResource } from './resources/read-resource.js';

/** Each request besides tools by its story. */
export function request(deps: GovernedDeps, input: McpRequestInput): Promise<ToolCallAnswer> {
  const { method } = input;
  switch (method) {
    case 'resources/read':
      return readResource(deps, input);
    case 'prompts/get':
      return getPrompt(deps, input);
    case 'completion/complete':
      return complete(deps, input);
    case 'resources/list':
    case 'resources/templates/list':
    case 'prompts/list':
      return listUpstreams(deps, { ...input, method });
  }
}
