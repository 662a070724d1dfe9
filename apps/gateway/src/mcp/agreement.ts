/**
 * Headers must say what the body says (MCP 2026-07-28, Streamable HTTP: standard request headers).
 * Proxies route and filter by headers; we decide on the body; so any disagreement is refused.
 */
import { HEADER_MISMATCH, refusal, type Params, type Refusal } from './json-rpc.js';

/** Which part of the body `Mcp-Name` repeats. */
const NAME_SOURCE = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

const BASE64_PREFIX = '=?base64?';
const BASE64_SUFFIX = '?=';
const BASE64_CANONICAL = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

export type Headers = Record<string, string | undefined>;

/** Node has taken the optional whitespace of RFC 9110 off already; an empty value counts as absent. */
export function headerValue(headers: Headers, name: string): string | undefined {
  return headers[name] || undefined;
}

/** `undefined` when the value claims to be base64 and is not (2026-07-28, value encoding). */
export function decodeHeader(value: string): string | undefined {
  if (!(value.startsWith(BASE64_PREFIX) && value.endsWith(BASE64_SUFFIX))) return value;
  const text = value.slice(BASE64_PREFIX.length, -BASE64_SUFFIX.length);
  if (!BASE64_CANONICAL.test(text)) return undefined;
  try {
    return utf8.decode(Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}

/** 400 with -32020 (HeaderMismatch). */
export function disagreement(header: string, why: string): Refusal {
  return refusal(400, HEADER_MISMATCH, `Headers and body disagree: ${why}`, {
    mismatch: { header, body: why },
  });
}

/** For modern requests, whose required headers must all be there. */
export function checkStandardHeaders(
  headers: Headers,
  message: { method: string; params: Params | undefined },
): Refusal | undefined {
  if (headerValue(headers, 'mcp-protocol-version') === undefined) {
    return disagreement('(missing)', 'the header MCP-Protocol-Version is required.');
  }
  const method = headerValue(headers, 'mcp-method');
  if (method === undefined) {
    return disagreement(
      '(missing)',
      `the body names method ${message.method}, the header Mcp-Method is absent.`,
    );
  }
  if (method !== message.method) {
    return disagreement(method, `the body names method ${message.method}.`);
  }
  const field = NAME_SOURCE.get(message.method);
  if (field === undefined) return undefined;
  const named = message.params?.[field];
  const header = headerValue(headers, 'mcp-name');
  if (typeof named !== 'string') return undefined;
  if (header === undefined) {
    return disagreement(
      '(missing)',
      `the body has params.${field}, the header Mcp-Name is absent.`,
    );
  }
  if (decodeHeader(header) !== named)
    return disagreement(header, `Mcp-Name is not params.${field} of the body.`);
  return undefined;
}
