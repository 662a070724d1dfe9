import type { Db, TenantTx } from '../db.js';

export interface OpenInitialAccessToken {
  tenantId: string;
  id: string;
  createdAt: Date;
  expiresAt: Date;
}

/** Undefined when the token was used, has expired, never was, or its maker has left the workspace. */
export async function findInitialAccessToken(
  db: Db,
  tokenHash: Buffer,
): Promise<OpenInitialAccessToken | undefined> {
  const { rows } = await db.pool.query<OpenInitialAccessToken>(
    `select tenant_id as "tenantId", id, created_at as "createdAt", expires_at as "expiresAt"
       from find_initial_access_token($1)`,
    [tokenHash],
  );
  return rows[0];
}

/**
 * Uses the token up for `clientId`; returns the member who made it. Undefined for all but the first of
 * many who come with it at once.
 */
export async function useInitialAccessToken(
  tx: TenantTx,
  id: string,
  clientId: string,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ memberId: string }>(
    `update initial_access_token set used_at = now(), client_id = $3
      where tenant_id = $1 and id = $2 and used_at is null and expires_at > now()
      returning member_id as "memberId"`,
    [tx.tenantId, id, clientId],
  );
  return rows[0]?.memberId;
}
