import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** What a link in a letter is good for: see the table's migration. */
export type LinkKind = 'verify' | 'reset' | 'change';

export interface MailedLink {
  kind: LinkKind;
  userId: string;
  /** Where it was sent. */
  email: string;
}

export async function insertMailedLink(
  tx: Pick<InstallationTx, 'query'>,
  link: MailedLink & { tokenHash: Buffer; hours: number },
): Promise<void> {
  await tx.query(
    `insert into mailed_link (token_hash, kind, user_id, email, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(hours => $5))`,
    [link.tokenHash, link.kind, link.userId, link.email, link.hours],
  );
}

/** The link of this hash while it may be used: unused, not expired, its account enabled. */
export async function findMailedLink(
  db: Db,
  kinds: readonly LinkKind[],
  tokenHash: Buffer,
): Promise<MailedLink | undefined> {
  const { rows } = await db.pool.query<MailedLink>(
    `select l.kind, l.user_id as "userId", l.email from mailed_link l
       join user_account u on u.id = l.user_id and u.disabled_at is null
      where l.token_hash = $1 and l.kind = any ($2) and l.used_at is null and l.expires_at > now()`,
    [tokenHash, kinds],
  );
  return rows[0];
}

/** Uses a link up. True for the one caller who did it first. */
export async function useMailedLink(tx: InstallationTx, tokenHash: Buffer): Promise<boolean> {
  const { rowCount } = await tx.query(
    'update mailed_link set used_at = now() where token_hash = $1 and used_at is null and expires_at > now()',
    [tokenHash],
  );
  return rowCount === 1;
}

/** All links of these kinds that this account still has are void from now on. */
export async function voidMailedLinks(
  tx: InstallationTx,
  userId: string,
  kinds: readonly LinkKind[],
): Promise<void> {
  await tx.query(
    'update mailed_link set used_at = now() where user_id = $1 and kind = any ($2) and used_at is null',
    [userId, kinds],
  );
}

/** Deletes up to `limit` links that expired a day ago; returns how many. */
export async function pruneMailedLinks(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.pool.query(
    `delete from mailed_link where ctid in (
       select ctid from mailed_link where expires_at < now() - interval '1 day'
        limit $1 for update skip locked)`,
    [limit],
  );
  return rowCount ?? 0;
}
