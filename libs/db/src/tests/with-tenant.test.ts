import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDb, type Db } from '../db.js';
import { isAway } from '../is-away.js';

let database: TestDatabase;
let admin: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

test('a database that ends in the middle of a transaction ends the transaction and not the process', async () => {
  const { tenantId } = await seedWorkspace(admin);
  const db = createDb(database.urlFor('conducktor_app'), { max: 1 });
  const ended = (statement: (pid: number) => Promise<unknown>) =>
    db.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await statement(rows[0]!.pid);
      await tx.query('select 1');
    });
  const terminate = (pid: number) =>
    admin.pool.query('select pg_terminate_backend($1, 5000)', [pid]);
  const isAwayError = expect.toSatisfy(isAway, 'says that the database is away');
  // Between two queries, when nobody waits for an answer.
  await expect(ended(terminate)).rejects.toEqual(isAwayError);
  // The next transaction has a connection that stands.
  await expect(db.withTenant(tenantId, (tx) => tx.query('select 1'))).resolves.toBeDefined();
  await db.end();
});
