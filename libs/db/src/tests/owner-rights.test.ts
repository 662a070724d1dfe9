import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db } from '../db.js';

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

describe('functions that run with rights above their caller’s', () => {
  it('cannot be handed a table of the caller’s own in place of the real one', async () => {
    const one = await seedWorkspace(admin);
    const app = createDb(database.urlFor('conducktor_app'), { max: 1 });
    const shadows = [
      // A default is evaluated by whoever inserts: here that would be the system role.
      `create function pg_temp.peek() returns text language sql as
         $f$ select current_user || ' ' || count(*) from public.member $f$`,
      `create temporary table user_account (id text, email text, stolen text default pg_temp.peek());
       create unique index on user_account (lower(email)); grant all on user_account to public`,
      `create temporary table tenant_version (tenant_id text primary key, version bigint default 1,
         xid xid8 default pg_current_xact_id()); grant all on tenant_version to public`,
    ];
    try {
      for (const sql of shadows) await app.pool.query(sql).catch(() => {});
      await app.withTenant(one.tenantId, async (tx) => {
        await tx.query("select account_for_member('shadow@example.com', 'usr_shadow')");
        await tx.query(
          "insert into workspace_group (tenant_id, id, name) values ($1, 'grp_s', 's')",
          [one.tenantId],
        );
      });
      const seen = await app.pool
        .query('select stolen from pg_temp.user_account')
        .catch(() => ({ rows: [] }));
      expect(seen.rows).toEqual([]);
      const { rows } = await admin.pool.query(
        "select id from user_account where email = 'shadow@example.com'",
      );
      expect(rows).toEqual([{ id: 'usr_shadow' }]);
    } finally {
      await app.end();
    }
  });

  it('are run in sessions of roles that may make no tables at all, temporary ones included', async () => {
    for (const role of ['app', 'auth', 'gateway', 'audit'] as const) {
      const db = createDb(database.urlFor(`conducktor_${role}`), { max: 1 });
      try {
        await expect(db.pool.query('create temporary table sealing (id text)')).rejects.toThrow(
          /permission denied/,
        );
        await expect(db.pool.query('create table public.sealing (id text)')).rejects.toThrow(
          /permission denied/,
        );
      } finally {
        await db.end();
      }
    }
  });

  it('still seal with the working table that only their own role may make', async () => {
    const audit = createDb(database.urlFor('conducktor_audit'), { max: 1 });
    try {
      const { rows } = await audit.pool.query('select seal(10) as n');
      expect(rows[0].n).toBeGreaterThanOrEqual(0);
    } finally {
      await audit.end();
    }
  });
});
