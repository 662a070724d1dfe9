import { createDb } from '@conducktor/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../src/cluster.js';

let one: TestDatabase;
let other: TestDatabase;
beforeAll(async () => {
  [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
});
afterAll(() => Promise.all([one.drop(), other.drop()]));

test('each test file has a migrated database that others do not see', async () => {
  const first = createDb(one.adminUrl, { max: 1 });
  const second = createDb(other.adminUrl, { max: 1 });
  await first.pool.query("insert into instance (id) values ('only here')");
  const { rows } = await second.pool.query('select * from instance');
  expect(rows).toEqual([]);
  await Promise.all([first.end(), second.end()]);
});

test('every service role can log in and is bound by row level security', async () => {
  for (const role of [
    'conducktor_app',
    'conducktor_auth',
    'conducktor_gateway',
    'conducktor_audit',
    'conducktor_billing',
  ] as const) {
    const db = createDb(one.urlFor(role), { max: 1 });
    const { rows } = await db.pool.query(
      'select current_user, rolbypassrls or rolsuper as free from pg_roles where rolname = current_user',
    );
    expect(rows).toEqual([{ current_user: role, free: false }]);
    await db.end();
  }
});

test('each has a Redis database of its own', () => {
  expect(one.redisUrl).not.toBe(other.redisUrl);
});
