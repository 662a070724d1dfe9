import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** A WebAuthn credential of a person. */
export interface Passkey {
  id: string;
  userId: string;
  /** base64url, as browsers send it. */
  credentialId: string;
  /** COSE. */
  publicKey: Buffer;
  counter: number;
  transports: string[];
  synced: boolean;
  backedUp: boolean;
  name: string;
  createdAt: Date;
  lastUsedAt: Date | undefined;
}

export type NewPasskey = Omit<Passkey, 'createdAt' | 'lastUsedAt'>;

type Row = Omit<Passkey, 'counter' | 'lastUsedAt'> & { counter: string; lastUsedAt: Date | null };

const COLUMNS = `id, user_id as "userId", credential_id as "credentialId", public_key as "publicKey", counter,
  transports, synced, backed_up as "backedUp", name, created_at as "createdAt", last_used_at as "lastUsedAt"`;

const toPasskey = (row: Row): Passkey => ({
  ...row,
  counter: Number(row.counter),
  lastUsedAt: row.lastUsedAt ?? undefined,
});

/** False when somebody has this credential already, or the person has `max` passkeys. */
export async function insertPasskey(
  tx: InstallationTx,
  passkey: NewPasskey,
  max: number,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into passkey (id, user_id, credential_id, public_key, counter, transports, synced, backed_up, name)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9
      where (select count(*) from passkey where user_id = $2) < $10
     on conflict (credential_id) do nothing`,
    [
      passkey.id,
      passkey.userId,
      passkey.credentialId,
      passkey.publicKey,
      passkey.counter,
      passkey.transports,
      passkey.synced,
      passkey.backedUp,
      passkey.name,
      max,
    ],
  );
  return rowCount === 1;
}

/** A person's passkeys, oldest first. */
export async function passkeysOf(db: Db, userId: string): Promise<Passkey[]> {
  const { rows } = await db.pool.query<Row>(
    `select ${COLUMNS} from passkey where user_id = $1 order by created_at, id`,
    [userId],
  );
  return rows.map(toPasskey);
}

export async function findPasskey(db: Db, credentialId: string): Promise<Passkey | undefined> {
  const { rows } = await db.pool.query<Row>(
    `select ${COLUMNS} from passkey where credential_id = $1`,
    [credentialId],
  );
  return rows[0] && toPasskey(rows[0]);
}

/**
 * Notes a use. False when the device's counter did not grow meanwhile, as it does not for a copy;
 * devices that do not count send 0 for ever.
 */
export async function notePasskeyUse(
  db: Db,
  use: { id: string; counter: number; backedUp: boolean },
): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `update passkey set counter = $2, backed_up = $3, last_used_at = now()
      where id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
    [use.id, use.counter, use.backedUp],
  );
  return rowCount === 1;
}

/** The name of the passkey that is gone now, or undefined when the person has none of this id. */
export async function deletePasskey(
  tx: InstallationTx,
  userId: string,
  id: string,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ name: string }>(
    'delete from passkey where user_id = $1 and id = $2 returning name',
    [userId, id],
  );
  return rows[0]?.name;
}

export async function renamePasskey(
  db: Db,
  passkey: { userId: string; id: string; name: string },
): Promise<void> {
  await db.pool.query('update passkey set name = $3 where user_id = $1 and id = $2', [
    passkey.userId,
    passkey.id,
    passkey.name,
  ]);
}
