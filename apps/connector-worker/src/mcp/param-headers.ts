import { isObject } from './messages.js';

/**
 * `x-mcp-header` of MCP 2026-07-28: a tool's schema may ask that an argument is repeated in a header
 * `Mcp-Param-<name>`, so that whatever stands before the upstream can route by it.
 */
export interface ParamHeader {
  /** Lower case, with the prefix. */
  header: string;
  path: readonly string[];
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PRIMITIVE = new Set<unknown>(['string', 'integer', 'boolean', 'number']);
/** Deeper than any schema that the catalogue lets in, and more than any header block holds. */
const MAX_DEPTH = 32;
const MAX_HEADERS = 32;

/** The declarations that an input schema makes: reachable through `properties` alone, of a primitive type. */
export function paramHeadersOf(inputSchema: unknown): ParamHeader[] {
  const found: ParamHeader[] = [];
  const visit = (schema: unknown, path: readonly string[]): void => {
    if (!isObject(schema) || path.length > MAX_DEPTH || found.length >= MAX_HEADERS) return;
    const name = schema['x-mcp-header'];
    if (
      path.length > 0 &&
      typeof name === 'string' &&
      TOKEN.test(name) &&
      PRIMITIVE.has(schema['type'])
    ) {
      found.push({ header: `mcp-param-${name.toLowerCase()}`, path });
    }
    if (!isObject(schema['properties'])) return;
    for (const [key, child] of Object.entries(schema['properties'])) visit(child, [...path, key]);
  };
  visit(inputSchema, []);
  return found;
}

/** Name and value by turns. Arguments that are absent, null or no primitive get no header. */
export function paramHeaderLines(declared: readonly ParamHeader[], args: unknown): string[] {
  const lines: string[] = [];
  for (const { header, path } of declared) {
    const value = path.reduce<unknown>(
      (node, key) => (isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined),
      args,
    );
    const text = asText(value);
    if (text !== undefined) lines.push(header, headerValue(text));
  }
  return lines;
}

/** As it is when a header field can carry it, else `=?base64?…?=` of its UTF-8. */
export function headerValue(text: string): string {
  const plain =
    /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(text) &&
    !(text.startsWith('=?base64?') && text.endsWith('?='));
  return plain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}
