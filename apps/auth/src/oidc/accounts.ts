import { emailVerifiedAt, findLiveGrant, findUser, type Db } from '@conducktor/db';
import { errors, type AccessToken, type ClientCredentials, type FindAccount } from 'oidc-provider';

/** Who a session or token belongs to; a disabled account is nobody. */
export function createFindAccount(deps: { db: Db }): FindAccount {
  return async (_ctx, sub) => {
    const user = await findUser(deps.db, sub);
    if (!user) return undefined;
    return {
      accountId: user.id,
      claims: async () => ({
        sub: user.id,
        name: user.displayName,
        email: user.email,
        email_verified: (await emailVerifiedAt(deps.db, user.id)) !== undefined,
      }),
    };
  };
}

/** Claims that only our tokens have: workspace, membership and grant. No live grant, no token. */
export function createExtraClaims(deps: { db: Db }) {
  return async (_ctx: unknown, token: AccessToken | ClientCredentials) => {
    const grantId = 'grantId' in token ? token.grantId : undefined;
    const grant = grantId && (await findLiveGrant(deps.db, grantId));
    if (!grant) throw new errors.InvalidGrant('the access was revoked or is frozen');
    return { tenant: grant.tenantId, member: grant.memberId, gid: grantId };
  };
}
