import { z } from 'zod';
import { idOf, PageQuery, Timestamp } from './common.js';

const Person = z.object({ id: idOf('mem'), email: z.string() });

/** A client as it was last seen. Names and versions are what it calls itself. */
const Seen = z.object({
  clientName: z.string().nullable(),
  clientVersion: z.string().nullable(),
  /** Revision of MCP. Null for the REST API. */
  protocolVersion: z.string().nullable(),
  /** `/mcp`, `/mcp/<toolset>`, or `/api/v1` for the REST API. */
  path: z.string().nullable(),
  sourceIp: z.string().nullable(),
  requests: z.int(),
  firstSeenAt: Timestamp,
  lastSeenAt: Timestamp,
});

export const AppQuery = PageQuery.extend({
  status: z
    .enum(['active', 'revoked', 'all'])
    .default('active')
    .meta({ description: 'Which apps: those that may still connect, those revoked, or all' }),
});
export type AppQuery = z.infer<typeof AppQuery>;

/** A client that a person let into the workspace. */
export const AppView = z
  .object({
    id: idOf('grt'),
    clientId: z.string(),
    clientName: z.string(),
    /** Where the person was sent back to when they agreed. */
    redirectHost: z.string(),
    member: Person,
    scopes: z.array(z.string()),
    /** The address that it may use. */
    resource: z.string(),
    since: Timestamp,
    revokedAt: Timestamp.nullable(),
    /** Null: not used since use is noted. Up to a minute late. */
    lastUse: Seen.nullable(),
  })
  .meta({ id: 'App' });
export type AppView = z.infer<typeof AppView>;

export const SessionQuery = PageQuery.extend({
  minutes: z.coerce
    .number()
    .int()
    .min(1)
    .max(43_200)
    .default(15)
    .meta({ description: 'Seen within so many minutes' }),
});
export type SessionQuery = z.infer<typeof SessionQuery>;

/** A credential that was in use lately. */
export const ConnectedSession = Seen.extend({
  /** The app's or the key's id: what to revoke to end it. */
  credentialId: z.string(),
  kind: z.enum(['app', 'key']),
  clientId: z.string(),
  member: Person,
}).meta({ id: 'ConnectedSession' });
export type ConnectedSession = z.infer<typeof ConnectedSession>;
