import type { Db, TenantTx } from '../db.js';

/** Clients are rows of oidc_payload of kind `Client`; one that nobody has allowed yet expires. */
const UNUSED = `kind = 'Client' and expires_at is not null`;

/** Stores a client that has just registered, for `seconds` unless somebody allows it meanwhile. */
export async function insertRegisteredClient(
  on: Pick<TenantTx, 'query'>,
  client: { id: string; payload: Record<string, unknown>; seconds: number },
): Promise<void> {
  await on.query(
    `insert into oidc_payload (kind, id, payload, expires_at)
     values ('Client', $1, $2, now() + make_interval(secs => $3))`,
    [client.id, client.payload, client.seconds],
  );
}

/**
 * Stores what a client's metadata document said, under its URL. A client that somebody has allowed
 * stays for good; any other for `seconds` from now.
 */
export async function keepClientDocument(
  db: Db,
  client: { url: string; payload: Record<string, unknown>; seconds: number },
): Promise<void> {
  await db.pool.query(
    `insert into oidc_payload as p (kind, id, payload, expires_at)
     values ('Client', $1, $2, now() + make_interval(secs => $3))
     on conflict (kind, id) do update set payload = excluded.payload,
       expires_at = case when p.expires_at is null then null else excluded.expires_at end`,
    [client.url, client.payload, client.seconds],
  );
}

/**
 * Whether one more unused client may be stored while at most `limit` are. When there are as many, the
 * hundredth part that would be forgotten first goes now, but nothing that came within the last hour: a
 * sign-in may be under way with it. `lifeSeconds`: how long an unused client is kept.
 */
export async function makeRoomForClient(
  db: Db,
  limit: number,
  lifeSeconds: number,
): Promise<boolean> {
  const { rows } = await db.pool.query<{ full: boolean }>(
    `select count(*) >= $1 as full from (select from oidc_payload where ${UNUSED} limit $1) as unused`,
    [limit],
  );
  if (!rows[0]!.full) return true;
  const { rowCount } = await db.pool.query(
    `delete from oidc_payload where ctid in (
       select ctid from oidc_payload where ${UNUSED} and expires_at < now() + make_interval(secs => $2)
        order by expires_at limit $1 for update skip locked)`,
    [Math.ceil(limit / 100), lifeSeconds - 3600],
  );
  return (rowCount ?? 0) > 0;
}
