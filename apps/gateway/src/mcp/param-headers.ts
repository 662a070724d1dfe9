/**
 * `Mcp-Param-*` headers (MCP 2026-07-28, `x-mcp-header`): a tool's schema may ask that an argument is
 * repeated in a header. Which arguments is known only when the tool is resolved, so the story calls
 * `checkParamHeaders` between resolving and deciding; the check itself is pure and lives here.
 */
import { decodeHeader, disagreement, headerValue, type Headers } from './agreement.js';
import { isObject, type Refusal } from './json-rpc.js';

export interface ParamHeader {
  /** Lower case, with the prefix. */
  header: string;
  path: readonly string[];
  numeric: boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DECIMAL = /^-?\d+(\.\d+)?$/;
/** Deeper than any schema that the catalogue lets in. */
const MAX_DEPTH = 32;

/**
 * The declarations of an input schema: properties reachable through `properties` alone, with a
 * primitive type. A declaration that the specification calls invalid is left out.
 */
export function paramHeadersOf(inputSchema: unknown): readonly ParamHeader[] {
  const found: ParamHeader[] = [];
  const visit = (schema: unknown, path: readonly string[]): void => {
    if (!isObject(schema) || path.length > MAX_DEPTH) return;
    const name = schema['x-mcp-header'];
    const type = schema['type'];
    if (path.length > 0 && typeof name === 'string' && TOKEN.test(name) && isPrimitive(type)) {
      found.push({
        header: `mcp-param-${name.toLowerCase()}`,
        path,
        numeric: type === 'integer' || type === 'number',
      });
    }
    if (!isObject(schema['properties'])) return;
    for (const [key, child] of Object.entries(schema['properties'])) visit(child, [...path, key]);
  };
  visit(inputSchema, []);
  return found;
}

/** 400 with -32020 when an argument that must be repeated is not, or is repeated wrongly. */
export function checkParamHeaders(
  declared: readonly ParamHeader[],
  args: unknown,
  headers: Headers,
): Refusal | undefined {
  for (const { header, path, numeric } of declared) {
    const value = valueAt(args, path);
    if (value === undefined || value === null) continue;
    const text = asHeaderText(value);
    if (text === undefined) continue;
    const sent = headerValue(headers, header);
    if (sent === undefined)
      return disagreement(
        '(missing)',
        `the body has arguments.${path.join('.')}, the header ${header} is absent.`,
      );
    const decoded = decodeHeader(sent);
    const same =
      numeric && typeof value === 'number' && decoded !== undefined && DECIMAL.test(decoded)
        ? Number(decoded) === value
        : decoded === text;
    if (!same)
      return disagreement(sent, `${header} is not arguments.${path.join('.')} of the body.`);
  }
  return undefined;
}

function isPrimitive(type: unknown): boolean {
  return type === 'string' || type === 'integer' || type === 'number' || type === 'boolean';
}

function asHeaderText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number') return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root;
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}
