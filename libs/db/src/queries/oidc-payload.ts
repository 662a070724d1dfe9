import type { Db } from '../db.js';

/** What the OAuth server stores: sessions, codes, refresh tokens, clients. Of the installation, not of a tenant. */
export interface OidcPayload {
  kind: string;
  id: string;
  payload: Record<string, unknown>;
  grantId?: string | undefined;
  uid?: string | undefined;
  /** Left out: kept until deleted. */
  expiresInSeconds?: number | undefined;
}

export interface StoredOidcPayload {
  payload: Record<string, unknown>;
  consumedAt: Date | undefined;
}

export async function upsertOidcPayload(db: Db, row: OidcPayload): Promise<void> {
  await db.pool.query(
    `insert into oidc_payload as p (kind, id, payload, grant_id, uid, expires_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
     on conflict (kind, id) do update
       set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at`,
    [
      row.kind,
      row.id,
      row.payload,
      row.grantId ?? null,
      row.uid ?? null,
      row.expiresInSeconds ?? null,
    ],
  );
}

/**
 * Stores a row that must not be there yet. False, and nothing is stored, when one is that has not
 * expired: of many at once, one gets true.
 */
export async function insertOidcPayload(db: Db, row: OidcPayload): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `insert into oidc_payload as p (kind, id, payload, expires_at)
     values ($1, $2, $3, now() + make_interval(secs => $4))
     on conflict (kind, id) do update set payload = excluded.payload, expires_at = excluded.expires_at
      where p.expires_at <= now()`,
    [row.kind, row.id, row.payload, row.expiresInSeconds ?? null],
  );
  return rowCount === 1;
}

/** The row by its id or, with `by: 'uid'`, by its uid. An expired row is not there. */
export async function findOidcPayload(
  db: Db,
  kind: string,
  value: string,
  by: 'id' | 'uid' = 'id',
): Promise<StoredOidcPayload | undefined> {
  const { rows } = await db.pool.query<{
    payload: Record<string, unknown>;
    consumedAt: Date | null;
  }>(
    `select payload, consumed_at as "consumedAt" from oidc_payload
      where kind = $1 and ${by} = $2 and (expires_at is null or expires_at > now())`,
    [kind, value],
  );
  const row = rows[0];
  return row && { payload: row.payload, consumedAt: row.consumedAt ?? undefined };
}

/** Marks a row as used. True for the one caller who did it first, false for all others. */
export async function consumeOidcPayload(db: Db, kind: string, id: string): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `update oidc_payload set consumed_at = now()
      where kind = $1 and id = $2 and consumed_at is null and (expires_at is null or expires_at > now())`,
    [kind, id],
  );
  return rowCount === 1;
}

/** Takes a row out: its payload for the one caller who was first, undefined for all others. */
export async function takeOidcPayload(
  db: Db,
  kind: string,
  id: string,
): Promise<Record<string, unknown> | undefined> {
  const { rows } = await db.pool.query<{ payload: Record<string, unknown> }>(
    `delete from oidc_payload
      where kind = $1 and id = $2 and (expires_at is null or expires_at > now()) returning payload`,
    [kind, id],
  );
  return rows[0]?.payload;
}

export async function deleteOidcPayload(db: Db, kind: string, id: string): Promise<void> {
  await db.pool.query('delete from oidc_payload where kind = $1 and id = $2', [kind, id]);
}

export async function deleteOidcPayloadsOfGrant(
  db: Db,
  kind: string,
  grantId: string,
): Promise<void> {
  await db.pool.query('delete from oidc_payload where kind = $1 and grant_id = $2', [
    kind,
    grantId,
  ]);
}

/** From now on the row does not expire. */
export async function keepOidcPayload(db: Db, kind: string, id: string): Promise<void> {
  await db.pool.query('update oidc_payload set expires_at = null where kind = $1 and id = $2', [
    kind,
    id,
  ]);
}

/** Deletes up to `limit` expired rows; returns how many it found. */
export async function pruneOidcPayloads(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.pool.query(
    `delete from oidc_payload where ctid in (
       select ctid from oidc_payload where expires_at < now() limit $1 for update skip locked)`,
    [limit],
  );
  return rowCount ?? 0;
}
