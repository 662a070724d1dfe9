import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** When this account's person showed that they read its address; undefined while nobody has. */
export async function emailVerifiedAt(db: Db, userId: string): Promise<Date | undefined> {
  const { rows } = await db.pool.query<{ at: Date | null }>(
    'select email_verified_at as at from user_account where id = $1',
    [userId],
  );
  return rows[0]?.at ?? undefined;
}

/** Notes that somebody read a letter to `email`. False when the account has another address by now. */
export async function markEmailVerified(
  tx: InstallationTx,
  userId: string,
  email: string,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update user_account set email_verified_at = coalesce(email_verified_at, now())
      where id = $1 and lower(email) = lower($2) and disabled_at is null`,
    [userId, email],
  );
  return rowCount === 1;
}

/**
 * Gives an account another address, proven by a letter there. False when that address has an account
 * of its own, or this account no longer has the address `from`.
 */
export async function changeEmail(
  tx: InstallationTx,
  userId: string,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  const { rows } = await tx.query<{ changed: boolean }>(
    'select change_email($1, $2, $3) as changed',
    [userId, from, to],
  );
  return rows[0]!.changed;
}

/**
 * While nobody has shown that they read the account's address, takes its passkeys, authenticator app and
 * recovery codes away, and revokes its API keys and the apps that act for it: whoever set them up may
 * have signed up with somebody else's address. True when it did; nothing happens to an account that
 * has another address than `email` by now.
 */
export async function forgetUnproven(
  tx: InstallationTx,
  userId: string,
  email: string,
): Promise<boolean> {
  const { rows } = await tx.query<{ unproven: boolean }>(
    'select end_unproven_access($1, $2) as unproven',
    [userId, email],
  );
  if (!rows[0]!.unproven) return false;
  for (const table of ['passkey', 'totp_factor', 'recovery_code']) {
    await tx.query(`delete from ${table} where user_id = $1`, [userId]);
  }
  return true;
}

/** Chooses a password by a mailed link. False when the account is disabled. */
export async function setPassword(
  tx: InstallationTx,
  userId: string,
  passwordHash: string,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'update user_account set password_hash = $2 where id = $1 and disabled_at is null',
    [userId, passwordHash],
  );
  return rowCount === 1;
}

/** How a person is called, at most 100 characters. */
export async function setDisplayName(db: Db, userId: string, name: string): Promise<void> {
  await db.pool.query('update user_account set display_name = $2 where id = $1', [userId, name]);
}

/**
 * Ends the authorizations under way in which this account just signed in: each would begin a browser
 * session under the rights that it had then. Sessions themselves: endBrowserSessions.
 */
export async function endSignInsUnderWay(tx: InstallationTx, userId: string): Promise<void> {
  await tx.query(
    `delete from oidc_payload where kind = 'Interaction' and expires_at > now()
        and (payload -> 'result' -> 'login' ->> 'accountId' = $1
          or payload -> 'lastSubmission' -> 'login' ->> 'accountId' = $1)`,
    [userId],
  );
}
