import type { Db } from '../db.js';
import type { InstallationTx } from '../installation-tx.js';

/** A letter as the outbox takes it: address, subject and text are sealed. */
export interface NewMail {
  id: string;
  dedupeKey: string | null;
  sealed: Buffer;
}

/** A letter that this process may send until its lease is over. */
export interface ClaimedMail {
  id: string;
  sealed: Buffer;
  /** How often it was claimed, this time included. */
  attempts: number;
  createdAt: Date;
}

/**
 * Queues a letter in the transaction that causes it; `tx` is that transaction, or the pool. False when
 * its dedupe key had one already.
 */
export async function insertMail(
  tx: Pick<InstallationTx, 'query'>,
  mail: NewMail,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into mail_outbox (id, dedupe_key, sealed) values ($1, $2, $3) on conflict do nothing',
    [mail.id, mail.dedupeKey, mail.sealed],
  );
  return rowCount === 1;
}

/**
 * Takes up to `limit` letters that are due. They are nobody else's for `leaseSeconds`; when none of the
 * functions below was called by then, they are due again.
 */
export async function claimMail(
  db: Db,
  { limit, leaseSeconds }: { limit: number; leaseSeconds: number },
): Promise<ClaimedMail[]> {
  const { rows } = await db.pool.query<ClaimedMail>(
    `update mail_outbox set attempts = attempts + 1, next_at = now() + make_interval(secs => $2)
      where id in (
        select id from mail_outbox
         where sent_at is null and failed_at is null and next_at <= now()
         order by next_at limit $1 for update skip locked)
     returning id, sealed, attempts, created_at as "createdAt"`,
    [limit, leaseSeconds],
  );
  return rows;
}

// Whoever lost the lease meanwhile changes nothing: the number of the attempt is not theirs any more.
const OWN = 'id = $1 and attempts = $2 and sent_at is null and failed_at is null';

/** It is gone: what it said is emptied. */
export async function markMailSent(db: Db, mail: ClaimedMail): Promise<void> {
  await db.pool.query(
    `update mail_outbox set sent_at = now(), sealed = null, last_error = null where ${OWN}`,
    [mail.id, mail.attempts],
  );
}

/** It is due again in `seconds`. */
export async function postponeMail(
  db: Db,
  mail: ClaimedMail,
  { seconds, reason }: { seconds: number; reason: string },
): Promise<void> {
  await db.pool.query(
    `update mail_outbox set next_at = now() + make_interval(secs => $3), last_error = $4 where ${OWN}`,
    [mail.id, mail.attempts, seconds, reason],
  );
}

/** It will not be sent: a dead letter, of which the reason stays and what it said does not. */
export async function failMail(db: Db, mail: ClaimedMail, reason: string): Promise<void> {
  await db.pool.query(
    `update mail_outbox set failed_at = now(), sealed = null, last_error = $3 where ${OWN}`,
    [mail.id, mail.attempts, reason],
  );
}

/** Deletes up to `limit` letters that were sent or given up 30 days ago; returns how many. */
export async function pruneMail(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.pool.query(
    `delete from mail_outbox where id in (
       select id from mail_outbox where coalesce(sent_at, failed_at) < now() - interval '30 days'
        limit $1 for update skip locked)`,
    [limit],
  );
  return rowCount ?? 0;
}

/** How many letters wait to be sent, and for how long the oldest has, in seconds. */
export async function waitingMail(db: Db): Promise<{ letters: number; oldestSeconds: number }> {
  const { rows } = await db.pool.query<{ letters: number; oldestSeconds: number }>(
    `select count(*)::int as letters,
            coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "oldestSeconds"
       from mail_outbox where sent_at is null and failed_at is null`,
  );
  return rows[0]!;
}
