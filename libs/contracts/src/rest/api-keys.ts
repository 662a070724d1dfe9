import { z } from 'zod';
import { DeclaredScope } from './access.js';
import { idOf, Instant, Timestamp } from './common.js';

export const NewApiKey = z.strictObject({
  name: z.string().min(1).max(100),
  /** Whose key it is; the caller's own when left out. */
  memberId: idOf('mem').optional(),
  /** `mcp:read`, `mcp:write` (also as `read`, `write`), `admin` for this API, and what connections declare. */
  scopes: z
    .array(
      z.union([
        z.enum(['mcp:read', 'mcp:write', 'read', 'write', 'admin']),
        DeclaredScope.shape.scope,
      ]),
    )
    .min(1)
    .max(50),
  expiresAt: Instant.optional(),
});
export type NewApiKey = z.infer<typeof NewApiKey>;

/** The only answer that ever holds the key. */
export const ApiKeyCreated = z.object({ id: idOf('key'), key: z.string() });

export const ApiKeyView = z
  .object({
    id: idOf('key'),
    name: z.string(),
    memberId: idOf('mem'),
    scopes: z.array(z.string()),
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    /** Null: not used since use is noted. Up to a minute late. */
    lastUsedAt: Timestamp.nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: 'ApiKey' });
