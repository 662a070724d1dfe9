import type { Db } from '../db.js';

export interface PublicSigningKey {
  kid: string;
  alg: string;
  publicJwk: Record<string, unknown>;
}

/**
 * Public parts of the installation's signing keys, newest first. A retired key signs nothing new but
 * verifies what it signed for another day, which is longer than any access token lives.
 */
export async function readSigningKeys(db: Db): Promise<PublicSigningKey[]> {
  const { rows } = await db.pool.query<PublicSigningKey>(
    `select kid, alg, public_jwk as "publicJwk" from signing_key
      where retired_at is null or retired_at > now() - interval '1 day'
      order by created_at desc, kid`,
  );
  return rows;
}

export interface SealedSigningKey extends PublicSigningKey {
  privateSealed: Buffer;
}

/** Keys that still sign, newest first, with their private part as the vault sealed it. */
export async function readSealedSigningKeys(db: Db): Promise<SealedSigningKey[]> {
  const { rows } = await db.pool.query<SealedSigningKey>(
    `select kid, alg, public_jwk as "publicJwk", private_sealed as "privateSealed" from signing_key
      where retired_at is null order by created_at desc, kid`,
  );
  return rows;
}

/**
 * Adds the installation's first signing key; does nothing when one exists. Processes that start
 * together are put in a row by the lock, so exactly one key is made.
 */
export async function addFirstSigningKey(db: Db, key: SealedSigningKey): Promise<void> {
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    // A statement of its own: the insert must take its snapshot after the lock is held.
    await client.query("select pg_advisory_xact_lock(hashtext('conducktor.signing_key'))");
    await client.query(
      `insert into signing_key (kid, alg, public_jwk, private_sealed)
       select $1, $2, $3, $4 where not exists (select from signing_key where retired_at is null)`,
      [key.kid, key.alg, key.publicJwk, key.privateSealed],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}
