import type { QueryResult, QueryResultRow } from 'pg';

/** Anything that runs a statement: a transaction, or the pool. */
interface Queryable {
  query<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<QueryResult<Row>>;
}

/** A letter as the outbox takes it: address, subject and text are sealed. */
export interface NewMail {
  id: string;
  dedupeKey: string | null;
  sealed: Buffer;
}

/** Queues a letter in the transaction that causes it. False when its dedupe key had one already. */
export async function insertMail(tx: Queryable, mail: NewMail): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into mail_outbox (id, dedupe_key, sealed) values ($1, $2, $3) on conflict do nothing',
    [mail.id, mail.dedupeKey, mail.sealed],
  );
  return rowCount === 1;
}
