import type { Db } from '../db.js';

/** `burst` attempts at once, then one per `everyMs`. */
export interface Allowance {
  burst: number;
  everyMs: number;
}

/**
 * Takes one attempt (GCRA, one statement, so parallel attempts cannot share one). Returns 0 when it
 * was there, otherwise the milliseconds until the next one is; then nothing is taken.
 */
export async function takeAttempt(db: Db, key: string, allowance: Allowance): Promise<number> {
  const values = [key, allowance.everyMs / 1000, (allowance.burst * allowance.everyMs) / 1000];
  const taken = await db.pool.query(
    `insert into attempt_limit as a (key, whole_at) values ($1, now() + make_interval(secs => $2))
     on conflict (key) do update set whole_at = greatest(a.whole_at, now()) + make_interval(secs => $2)
      where greatest(a.whole_at, now()) + make_interval(secs => $2) <= now() + make_interval(secs => $3)`,
    values,
  );
  if (taken.rowCount === 1) return 0;
  const { rows } = await db.pool.query<{ wait: number }>(
    `select extract(epoch from whole_at - now())::float8 + $2 - $3 as wait from attempt_limit where key = $1`,
    values,
  );
  return Math.max(1, Math.ceil((rows[0]?.wait ?? 0) * 1000));
}

/** Gives one attempt back. */
export async function returnAttempt(db: Db, key: string, allowance: Allowance): Promise<void> {
  await db.pool.query(
    'update attempt_limit set whole_at = whole_at - make_interval(secs => $2) where key = $1',
    [key, allowance.everyMs / 1000],
  );
}

/** Forgets all attempts of a key. */
export async function clearAttempts(db: Db, key: string): Promise<void> {
  await db.pool.query('delete from attempt_limit where key = $1', [key]);
}

/** Deletes up to `limit` rows whose allowance is whole again; returns how many. */
export async function pruneAttempts(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.pool.query(
    `delete from attempt_limit where ctid in (
       select ctid from attempt_limit where whole_at < now() limit $1 for update skip locked)`,
    [limit],
  );
  return rowCount ?? 0;
}
