import type { Db, TenantTx } from '../db.js';

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

/**
 * The roles of a member who may sign in, or undefined. The row stays locked to the end of the
 * transaction, so that keys of one member are counted and made one after the other.
 */
export async function lockMember(tx: TenantTx, memberId: string): Promise<string[] | undefined> {
  const { rows } = await tx.query<{ roles: string[] }>(
    `select roles from member
      where tenant_id = $1 and id = $2 and disabled_at is null and accepted_at is not null
        for no key update`,
    [tx.tenantId, memberId],
  );
  return rows[0]?.roles;
}

/** How many keys of this member are not revoked. */
export async function countApiKeys(tx: TenantTx, memberId: string): Promise<number> {
  const { rows } = await tx.query<{ n: number }>(
    `select count(*)::int as n from api_key
      where tenant_id = $1 and member_id = $2 and revoked_at is null`,
    [tx.tenantId, memberId],
  );
  return rows[0]!.n;
}

export async function insertApiKey(
  tx: TenantTx,
  key: { id: string; memberId: string; name: string; secretHash: Buffer; scopes: string[] },
): Promise<void> {
  await tx.query(
    `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
     values ($1, $2, $3, $4, $5, $6)`,
    [tx.tenantId, key.id, key.memberId, key.name, key.secretHash, key.scopes],
  );
}
