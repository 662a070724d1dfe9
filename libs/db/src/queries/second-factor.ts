import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** What a person has beside a password. */
export interface SecondFactors {
  totp: { createdAt: Date; lastUsedAt: Date | undefined } | undefined;
  passkeys: number;
  /** Recovery codes that are not used up. */
  recoveryCodes: number;
}

export async function secondFactorsOf(db: Db, userId: string): Promise<SecondFactors> {
  const { rows } = await db.pool.query<{
    createdAt: Date | null;
    lastUsedAt: Date | null;
    passkeys: number;
    recoveryCodes: number;
  }>(
    `select t.created_at as "createdAt", t.last_used_at as "lastUsedAt",
            (select count(*)::int from passkey p where p.user_id = u.id) as passkeys,
            (select count(*)::int from recovery_code r where r.user_id = u.id and r.used_at is null) as "recoveryCodes"
       from user_account u left join totp_factor t on t.user_id = u.id where u.id = $1`,
    [userId],
  );
  const row = rows[0];
  return {
    totp: row?.createdAt
      ? { createdAt: row.createdAt, lastUsedAt: row.lastUsedAt ?? undefined }
      : undefined,
    passkeys: row?.passkeys ?? 0,
    recoveryCodes: row?.recoveryCodes ?? 0,
  };
}

/** False when the person has an authenticator app already. `step`: the step of the code that proved it. */
export async function insertTotp(
  tx: InstallationTx,
  factor: { userId: string; sealedSecret: Buffer; step: number },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into totp_factor (user_id, sealed_secret, last_step) values ($1, $2, $3)
     on conflict do nothing`,
    [factor.userId, factor.sealedSecret, factor.step],
  );
  return rowCount === 1;
}

/** The sealed secret of the person's authenticator app. */
export async function findTotpSecret(db: Db, userId: string): Promise<Buffer | undefined> {
  const { rows } = await db.pool.query<{ sealed: Buffer }>(
    'select sealed_secret as sealed from totp_factor where user_id = $1',
    [userId],
  );
  return rows[0]?.sealed;
}

/** Uses up the codes until `step`. True for the one caller who was first with a step this new. */
export async function takeTotpStep(db: Db, userId: string, step: number): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `update totp_factor set last_step = $2, last_used_at = now() where user_id = $1 and last_step < $2`,
    [userId, step],
  );
  return rowCount === 1;
}

export async function deleteTotp(tx: InstallationTx, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from totp_factor where user_id = $1', [userId]);
  return rowCount === 1;
}

/** Puts new recovery codes in the place of all that the person had. */
export async function replaceRecoveryCodes(
  tx: InstallationTx,
  userId: string,
  hashes: readonly Buffer[],
): Promise<void> {
  await tx.query(
    `with gone as (delete from recovery_code where user_id = $1 and code_hash <> all($2))
     insert into recovery_code (user_id, code_hash) select $1, unnest($2::bytea[])`,
    [userId, hashes],
  );
}

/** Uses a recovery code up. True for the one caller who was first. */
export async function takeRecoveryCode(db: Db, userId: string, hash: Buffer): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `update recovery_code set used_at = now() where user_id = $1 and code_hash = $2 and used_at is null`,
    [userId, hash],
  );
  return rowCount === 1;
}

/** Recovery codes are good for nothing without a second factor; they go with the last one. */
export async function deleteRecoveryCodesWithoutFactor(
  tx: InstallationTx,
  userId: string,
): Promise<void> {
  await tx.query(
    `delete from recovery_code r where r.user_id = $1
        and not exists (select from totp_factor t where t.user_id = $1)
        and not exists (select from passkey p where p.user_id = $1)`,
    [userId],
  );
}
