import { randomBytes } from 'node:crypto';
import type { TokenClaims } from '@conducktor/identity';
import type { Adapter, AdapterPayload } from 'oidc-provider';

/**
 * oidc-provider revokes, introspects and serves userinfo for opaque tokens only; ours are JWTs. A
 * verified JWT is lent a handle for the length of one request, under which the library finds it as if
 * it were stored.
 */
export interface StructuredTokens {
  /**
   * A handle for this token. For one that is not valid it leads nowhere, like an unknown token's.
   * `userinfo` leaves the audience out, since the library serves userinfo to no other.
   */
  lend(token: string, use: 'inspection' | 'userinfo'): Promise<string>;
  giveBack(handle: string): void;
  adapter: Adapter;
}

/** Whether this could be one of our access tokens at all; refresh tokens have no dots. */
export const looksStructured = (token: string) => token.split('.').length === 3;

export function createStructuredTokens(deps: {
  /** Rejects for what is no valid access token. */
  verify: (token: string, audience: string) => Promise<TokenClaims>;
  isResource: (value: string) => boolean;
}): StructuredTokens {
  const lent = new Map<string, AdapterPayload>();
  return {
    async lend(token, use) {
      const handle = randomBytes(32).toString('base64url');
      const payload = await toPayload(token).catch(() => undefined);
      if (payload) {
        const { aud, ...rest } = payload;
        lent.set(handle, { ...rest, jti: handle, ...(use === 'inspection' ? { aud } : {}) });
      }
      return handle;
    },
    giveBack: (handle) => void lent.delete(handle),
    adapter: {
      find: async (handle) => lent.get(handle),
      upsert: async () => {},
      destroy: async (handle) => void lent.delete(handle),
      consume: async () => {},
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
      // Nothing is stored: a revoked grant makes its access tokens worthless at the gateway.
      revokeByGrantId: async () => {},
    },
  };

  async function toPayload(token: string): Promise<AdapterPayload | undefined> {
    const audience = audienceOf(token);
    if (!audience || !deps.isResource(audience)) return undefined;
    const claims = await deps.verify(token, audience);
    return {
      kind: 'AccessToken',
      accountId: claims.userId,
      clientId: claims.clientId,
      grantId: claims.grantId,
      exp: claims.exp,
      iat: claims.iat,
      aud: audience,
      scope: claims.scopes.join(' '),
      extra: { tenant: claims.tenantId, member: claims.memberId, gid: claims.grantId },
    };
  }
}

// Read before it is verified, only to say which of our resources to verify against.
function audienceOf(token: string): string | undefined {
  try {
    const body = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as unknown;
    const audience = (body as { aud?: unknown }).aud;
    return typeof audience === 'string' ? audience : undefined;
  } catch {
    return undefined;
  }
}
