import { checkParamHeaders, paramHeadersOf, type ParamHeader } from '../mcp/param-headers.js';
import type { ToolCallInput } from '../mcp/ports.js';
import { Refusal } from './refusal.js';
import type { Target } from './types.js';

const declared = new WeakMap<object, readonly ParamHeader[]>();

/**
 * Arguments that the tool's schema wants repeated in headers (`x-mcp-header`, 2026-07-28) say the
 * same there: a proxy may have let the call pass for what its headers said.
 */
export function checkHeaders(
  { caller, tool }: Target,
  { context, argumentsValue }: ToolCallInput,
): void {
  if (context.era !== 'modern') return;
  let headers = declared.get(tool.definition);
  if (!headers)
    declared.set(tool.definition, (headers = paramHeadersOf(tool.definition['inputSchema'])));
  const refusal = checkParamHeaders(headers, argumentsValue, context.headers);
  if (!refusal) return;
  throw new Refusal('invalid_request', refusal.error.message, {
    caller,
    toolName: tool.shownName,
    connection: tool.connection.slug,
  });
}
