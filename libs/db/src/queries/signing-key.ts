import type { PoolClient } from 'pg';
import type { Db } from '../db.js';
import { takeClient } from '../take-client.js';

/** `published`: known to verifiers, signs nothing yet. `retired`: what it signed is still good. */
export type SigningKeyState = 'published' | 'signing' | 'retired' | 'gone';

export interface PublicSigningKey {
  kid: string;
  alg: string;
  publicJwk: Record<string, unknown>;
}

// Whether tokens of the key are accepted; the same question everywhere.
const VERIFIES = '(verifies_until is null or verifies_until > now())';
const STATE = `case when not ${VERIFIES} then 'gone' when signs_from > now() then 'published'
                    when retired_at <= now() then 'retired' else 'signing' end`;
const MS_UNTIL = (column: string) =>
  `(extract(epoch from ${column} - now()) * 1000)::double precision`;

/** Public parts of the keys whose tokens are accepted, those that do not sign yet included. */
export async function readSigningKeys(db: Db): Promise<PublicSigningKey[]> {
  const { rows } = await db.pool.query<PublicSigningKey>(
    `select kid, alg, public_jwk as "publicJwk" from signing_key where ${VERIFIES} order by signs_from desc, kid`,
  );
  return rows;
}

export interface SealedSigningKey extends PublicSigningKey {
  /** As the vault sealed it. */
  privateSealed: Buffer;
}

export interface StoredSigningKey extends SealedSigningKey {
  state: Exclude<SigningKeyState, 'gone'>;
  /** Milliseconds by the clock of Postgres; negative: that long ago. */
  signsInMs: number;
  /** Null for the last key of the row, which nothing replaces yet. */
  retiresInMs: number | null;
}

/** Keys whose tokens are accepted, the latest to sign first, with their private part. */
export async function readSealedSigningKeys(db: Db): Promise<StoredSigningKey[]> {
  const { rows } = await db.pool.query<StoredSigningKey>(
    `select kid, alg, public_jwk as "publicJwk", private_sealed as "privateSealed", ${STATE} as state,
            ${MS_UNTIL('signs_from')} as "signsInMs", ${MS_UNTIL('retired_at')} as "retiresInMs"
       from signing_key where ${VERIFIES} order by signs_from desc, kid`,
  );
  return rows;
}

/**
 * Adds the installation's first signing key; does nothing when one exists. Processes that start
 * together are put in a row by the lock, so exactly one key is made.
 */
export async function addFirstSigningKey(db: Db, key: SealedSigningKey): Promise<void> {
  await oneAtATime(db, async (client) => {
    await client.query(
      `insert into signing_key (kid, alg, public_jwk, private_sealed)
       select $1, $2, $3, $4 where not exists (select from signing_key where retired_at is null)`,
      [key.kid, key.alg, key.publicJwk, key.privateSealed],
    );
  });
}

/**
 * Publishes a key that takes over from `after`, `publishMs` from now or when that one has signed for
 * `signMs`, whichever is later. What `after` signed stays good for `verifyMs` from then. False, and
 * nothing is written, when `after` has a successor already: of several who see the need, one acts.
 */
export async function addNextSigningKey(
  db: Db,
  key: SealedSigningKey,
  plan: { after: string; publishMs: number; signMs: number; verifyMs: number },
): Promise<boolean> {
  return oneAtATime(db, async (client) => {
    const { rows } = await client.query<{ signsFrom: string }>(
      `update signing_key set retired_at = t.signs_from, verifies_until = t.signs_from + make_interval(secs => $4)
         from (select greatest(clock_timestamp() + make_interval(secs => $2), signs_from + make_interval(secs => $3)) as signs_from
                 from signing_key where kid = $1) t
        where kid = $1 and retired_at is null
       returning t.signs_from::text as "signsFrom"`,
      [plan.after, plan.publishMs / 1000, plan.signMs / 1000, plan.verifyMs / 1000],
    );
    if (!rows[0]) return false;
    await client.query(
      `insert into signing_key (kid, alg, public_jwk, private_sealed, signs_from) values ($1, $2, $3, $4, $5)`,
      [key.kid, key.alg, key.publicJwk, key.privateSealed, rows[0].signsFrom],
    );
    return true;
  });
}

/**
 * Puts this key in the place of all others at once: from the commit on nothing that they signed is
 * accepted, and their private parts are gone. Resolves with how many there were.
 */
export async function replaceSigningKeys(db: Db, key: SealedSigningKey): Promise<number> {
  return oneAtATime(db, async (client) => {
    const { rowCount } = await client.query(
      `update signing_key set retired_at = least(retired_at, now()), verifies_until = now(), private_sealed = null
        where ${VERIFIES}`,
    );
    await client.query(
      `insert into signing_key (kid, alg, public_jwk, private_sealed) values ($1, $2, $3, $4)`,
      [key.kid, key.alg, key.publicJwk, key.privateSealed],
    );
    return rowCount ?? 0;
  });
}

/** Empties the private part of keys that are gone. The rows stay: they say which key signed when. */
export async function forgetSigningKeys(db: Db): Promise<void> {
  await db.pool.query(
    'update signing_key set private_sealed = null where verifies_until <= now() and private_sealed is not null',
  );
}

export interface ListedSigningKey {
  kid: string;
  state: SigningKeyState;
  createdAt: Date;
  signsFrom: Date;
  retiredAt: Date | null;
  verifiesUntil: Date | null;
}

/** All keys that ever were, the latest first. */
export async function listSigningKeys(db: Db): Promise<ListedSigningKey[]> {
  const { rows } = await db.pool.query<ListedSigningKey>(
    `select kid, ${STATE} as state, created_at as "createdAt", signs_from as "signsFrom",
            retired_at as "retiredAt", verifies_until as "verifiesUntil"
       from signing_key order by signs_from desc, kid`,
  );
  return rows;
}

/** Whoever changes the row of keys holds one lock, so that they follow each other without gap or fork. */
async function oneAtATime<Result>(
  db: Db,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const { client, giveBack } = await takeClient(db.pool);
  try {
    await client.query('begin');
    // A statement of its own: what follows must take its snapshot after the lock is held.
    await client.query("select pg_advisory_xact_lock(hashtext('conducktor.signing_key'))");
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    giveBack();
  }
}
