import type { Db } from '../db.js';

export interface ApiKeyRow {
  tenantId: string;
  memberId: string;
  userId: string;
  secretHash: Buffer;
  scopes: string[];
  expiresAt: Date | undefined;
  revoked: boolean;
  memberDisabled: boolean;
}

/** The key of this id in whichever workspace it is, with its member's state. */
export async function findApiKey(db: Db, keyId: string): Promise<ApiKeyRow | undefined> {
  const found = await db.pool.query<{ tenant: string | null }>(
    'select tenant_of_api_key($1) as tenant',
    [keyId],
  );
  const tenantId = found.rows[0]?.tenant;
  if (!tenantId) return undefined;
  return db.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<
      Omit<ApiKeyRow, 'tenantId' | 'expiresAt'> & { expiresAt: Date | null }
    >(
      `select k.member_id as "memberId", m.user_id as "userId", k.secret_hash as "secretHash", k.scopes,
              k.expires_at as "expiresAt", k.revoked_at is not null as revoked,
              m.disabled_at is not null as "memberDisabled"
         from api_key k join member m on m.tenant_id = k.tenant_id and m.id = k.member_id
        where k.tenant_id = $1 and k.id = $2`,
      [tenantId, keyId],
    );
    const row = rows[0];
    return row && { ...row, tenantId, expiresAt: row.expiresAt ?? undefined };
  });
}
