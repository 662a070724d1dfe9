/** CORS (Fetch standard) for browser clients on the origins that we allow. */
import type { ReplyHeaders } from './reply.js';

const EXPOSED = 'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After';
const METHODS = 'GET, POST, DELETE, OPTIONS';
const HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'idempotency-key',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
];
const MAX_AGE_S = 600;
const NONE: ReplyHeaders = {};

/** For answers. `origin` has been allowed already. */
export function corsHeaders(origin: string | undefined): ReplyHeaders {
  if (origin === undefined) return NONE;
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED,
    vary: 'Origin',
  };
}

/** For `OPTIONS`. Arguments may be repeated in headers of any name under `Mcp-Param-`, so those are echoed. */
export function preflightHeaders(
  origin: string | undefined,
  requested: string | undefined,
): ReplyHeaders {
  const params = (requested ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^mcp-param-[!#$%&'*+\-.^_`|~0-9a-z]{1,100}$/.test(name))
    .slice(0, 50);
  return {
    ...corsHeaders(origin),
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': [...HEADERS, ...params].join(', '),
    'access-control-max-age': String(MAX_AGE_S),
    allow: METHODS,
  };
}
