import { createDb, type Db } from '@conducktor/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../cluster.js';
import { seedWorkspace } from '../seed-workspace.js';

let database: TestDatabase;
let admin: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { max: 2 });
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

test('seeds workspaces that row level security keeps apart', async () => {
  const [one, two] = [await seedWorkspace(admin), await seedWorkspace(admin)];
  const app = createDb(database.urlFor('conducktor_app'), { max: 1 });
  const emails = await app.withTenant(
    one.tenantId,
    async (tx) => (await tx.query<{ email: string }>('select email from member')).rows,
  );
  await app.end();
  expect(emails.map((row) => row.email).sort()).toEqual(
    [one.owner.email, one.member.email, one.contractor.email].sort(),
  );
  expect(two.tenantId).not.toBe(one.tenantId);
});
