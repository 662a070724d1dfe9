import { headerValue, type ParamHeader, paramHeaderLines } from '../mcp/param-headers.js';
import { MODERN_VERSION } from '../mcp/versions.js';

/** Name and value of the header of W3C Trace Context, where the call is traced. */
export const traceHeader = ({ traceparent }: { traceparent: string | undefined }): string[] =>
  traceparent === undefined ? [] : ['traceparent', traceparent];

/** The headers of MCP 2026-07-28 that repeat the body, name and value by turns. */
export function modernHeaders(
  method: string,
  name?: string,
  declared?: readonly ParamHeader[],
  argumentsJson?: string,
): string[] {
  const lines = [
    'content-type',
    'application/json',
    'mcp-protocol-version',
    MODERN_VERSION,
    'mcp-method',
    method,
  ];
  if (name !== undefined) lines.push('mcp-name', headerValue(name));
  if (declared && declared.length > 0)
    lines.push(...paramHeaderLines(declared, JSON.parse(argumentsJson ?? '{}')));
  return lines;
}
