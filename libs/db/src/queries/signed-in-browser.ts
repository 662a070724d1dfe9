import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** A browser in which a person is signed in. */
export interface BrowserSessionRow {
  uid: string;
  userAgent: string;
  ip: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
}

/** Notes where a session is used; at most one write in five minutes. */
export async function noteBrowserSession(
  db: Db,
  seen: { uid: string; userId: string; userAgent: string; ip: string },
): Promise<void> {
  await db.pool.query(
    `insert into signed_in_browser as s (uid, user_id, user_agent, ip) values ($1, $2, $3, $4)
     on conflict (uid) do update
       set user_agent = excluded.user_agent, ip = excluded.ip, last_seen_at = now(),
           user_id = excluded.user_id
     where s.last_seen_at < now() - interval '5 minutes' or s.user_id <> excluded.user_id`,
    [seen.uid, seen.userId, seen.userAgent.slice(0, 500), seen.ip],
  );
}

/** The live sessions of a person, the one used last first. */
export async function browserSessionsOf(db: Db, userId: string): Promise<BrowserSessionRow[]> {
  const { rows } = await db.pool.query<BrowserSessionRow>(
    `select p.uid, coalesce(s.user_agent, '') as "userAgent", coalesce(s.ip, '') as ip,
            coalesce(s.first_seen_at, to_timestamp((p.payload ->> 'loginTs')::bigint)) as "firstSeenAt",
            coalesce(s.last_seen_at, to_timestamp((p.payload ->> 'loginTs')::bigint)) as "lastSeenAt"
       from oidc_payload p left join signed_in_browser s on s.uid = p.uid
      where p.kind in ('Session', 'PendingSignIn') and p.kind = 'Session'
        and p.payload ->> 'accountId' = $1 and p.expires_at > now()
      order by "lastSeenAt" desc limit 100`,
    [userId],
  );
  return rows;
}

/**
 * Signs a person out in every browser, save the session `keep`; sign-ins of theirs that wait for a
 * second factor end too. Returns how many sessions ended.
 */
export async function endBrowserSessions(
  tx: InstallationTx,
  userId: string,
  keep?: string,
): Promise<number> {
  const { rows } = await tx.query<{ kind: string }>(
    `delete from oidc_payload
      where kind in ('Session', 'PendingSignIn') and payload ->> 'accountId' = $1
        and ($2::text is null or uid is distinct from $2) returning kind`,
    [userId, keep ?? null],
  );
  return rows.filter(({ kind }) => kind === 'Session').length;
}

/** Ends one session of a person. */
export async function endBrowserSession(db: Db, userId: string, uid: string): Promise<void> {
  await db.pool.query(
    `delete from oidc_payload
      where kind in ('Session', 'PendingSignIn') and kind = 'Session'
        and payload ->> 'accountId' = $1 and uid = $2`,
    [userId, uid],
  );
}

/** Deletes up to `limit` notes about sessions that ended long ago; returns how many. */
export async function pruneBrowserSessions(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.pool.query(
    `delete from signed_in_browser where ctid in (
       select ctid from signed_in_browser where last_seen_at < now() - interval '60 days'
        limit $1 for update skip locked)`,
    [limit],
  );
  return rowCount ?? 0;
}
