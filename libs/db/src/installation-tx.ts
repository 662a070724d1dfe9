import type { QueryResult, QueryResultRow } from 'pg';
import type { Db } from './db.js';
import { takeClient } from './take-client.js';

/** A transaction over tables of the installation: accounts, links, letters. Tenant rows are not seen. */
export interface InstallationTx {
  query<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values?: unknown[],
  ): Promise<QueryResult<Row>>;
}

/** Runs `work` in one transaction bound to no tenant; commits when it resolves, rolls back when it throws. */
export async function inTransaction<Result>(
  db: Db,
  work: (tx: InstallationTx) => Promise<Result>,
): Promise<Result> {
  const { client, giveBack } = await takeClient(db.pool);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work({ query: (text, values) => client.query(text, values) });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    giveBack(broken);
  }
}
