import { z } from 'zod';
import { DeclaredScopes } from './access.js';
import { idOf, Slug, Timestamp } from './common.js';

export const ConnectionStatus = z.enum(['PENDING', 'ACTIVE', 'DEGRADED', 'AUTH_REQUIRED', 'ERROR']);

const Timeout = z.int().min(100).max(600_000).default(30_000);

const UpstreamUrl = z
  .string()
  .max(2048)
  .refine(isPlainHttpUrl, 'must be an http or https address without user, password or fragment');

function isPlainHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.password === '' &&
    url.hash === ''
  );
}

// Headers that say how a message is carried are the worker's own.
const CARRIER =
  /^(host|content-length|content-type|connection|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|mcp-.*|accept|accept-encoding)$/i;

const fewEntries = (map: Record<string, unknown>) => Object.keys(map).length <= 64;

/** Sent to the upstream with every request. Write-only. */
const Headers = z
  .record(
    z
      .string()
      .max(200)
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not a header name')
      .refine((name) => !CARRIER.test(name), 'is a header that Conducktor sets itself'),
    z
      .string()
      .max(8_192)
      .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'has characters that a header cannot carry'),
  )
  .refine(fewEntries, 'has more than 64 entries');

/** Set for the server's process. Write-only; which names a server accepts, its catalogue entry says. */
const Environment = z
  .record(
    z
      .string()
      .max(200)
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not the name of a variable'),
    // eslint-disable-next-line no-control-regex
    z
      .string()
      .max(8_192)
      .regex(/^[^\u0000]*$/, 'has a NUL character'),
  )
  .refine(fewEntries, 'has more than 64 entries');

/** The name of a server in the operator's catalogue; a command is never taken from a request. */
const CatalogueName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "must be the name of a server in the operator's catalogue");
const Arguments = z.array(z.string().max(4_096)).max(64);

/** `mcp-http`: Streamable HTTP. `mcp-sse`: HTTP with SSE, the transport of 2024-11-05. */
export const ConnectionKind = z.enum(['mcp-http', 'mcp-sse', 'mcp-stdio']);
export type ConnectionKind = z.infer<typeof ConnectionKind>;

const byAddress = {
  slug: Slug,
  url: UpstreamUrl,
  headers: Headers.optional(),
  timeoutMs: Timeout,
  scopes: DeclaredScopes.default([]),
};

export const NewConnection = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('mcp-http'), ...byAddress }),
    z.strictObject({ kind: z.literal('mcp-sse'), ...byAddress }),
    z.strictObject({
      slug: Slug,
      kind: z.literal('mcp-stdio'),
      catalog: CatalogueName,
      args: Arguments.default([]),
      env: Environment.optional(),
      timeoutMs: Timeout,
      scopes: DeclaredScopes.default([]),
    }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union' ? 'must be "mcp-http", "mcp-sse" or "mcp-stdio"' : undefined,
  },
);
export type NewConnection = z.infer<typeof NewConnection>;

/** Only what is given changes. `headers` and `env` replace all that were stored; `{}` removes them. */
export const ConnectionPatch = z.strictObject({
  url: UpstreamUrl.optional(),
  catalog: CatalogueName.optional(),
  args: Arguments.optional(),
  headers: Headers.optional(),
  env: Environment.optional(),
  timeoutMs: Timeout.removeDefault().optional(),
  /** Those that are there already are replaced, all of them. */
  scopes: DeclaredScopes.optional(),
});
export type ConnectionPatch = z.infer<typeof ConnectionPatch>;

export const ConnectionCreated = z.object({
  id: idOf('con'),
  slug: z.string(),
  kind: ConnectionKind,
  status: ConnectionStatus,
});

/** No secret ever comes back: `hasSecret` says whether one is stored. */
export const Connection = ConnectionCreated.extend({
  url: z.string().nullable(),
  catalog: z.string().nullable(),
  args: z.array(z.string()),
  timeoutMs: z.int(),
  scopes: DeclaredScopes,
  statusReason: z.string().nullable(),
  hasSecret: z.boolean(),
  /** What the server said of itself when it was last reached. */
  server: z
    .object({
      protocolVersion: z.string(),
      /** As MCP spells them. */
      capabilities: z.record(z.string(), z.unknown()),
      serverInfo: z.record(z.string(), z.unknown()).nullable(),
    })
    .nullable(),
  tools: z.int(),
  createdAt: Timestamp,
}).meta({ id: 'Connection' });
export type Connection = z.infer<typeof Connection>;

export const ConnectionTested = z.object({
  status: ConnectionStatus.exclude(['PENDING']),
  reason: z.string().optional(),
  /** How many tools the connection has now. */
  tools: z.int(),
  /** How many more are held back until an admin accepts what their service made of them. */
  quarantined: z.int().optional(),
  ms: z.int(),
});
export type ConnectionTested = z.infer<typeof ConnectionTested>;
