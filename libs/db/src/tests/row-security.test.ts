import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db } from '../db.js';

// Tables without a tenant, and why that is right. A new table must be protected or argued for here.
const GLOBAL_TABLES: Record<string, string> = {
  schema_migrations: 'the migration runner keeps its own list',
  instance: 'one row: the name of the installation',
  user_account: 'a person exists once and may belong to several workspaces; only sign-in reads it',
  signing_key: 'tokens are signed by the installation',
  oidc_payload: 'OAuth artefacts exist before a workspace is chosen; only sign-in reads them',
  attempt_limit: 'failed sign-ins are counted before anybody is known',
  totp_factor: 'belongs to a person, who may be in several workspaces; only sign-in reads it',
  passkey: 'belongs to a person, who may be in several workspaces; only sign-in reads it',
  recovery_code: 'belongs to a person, who may be in several workspaces; only sign-in reads it',
  signed_in_browser: 'belongs to a person, who may be in several workspaces; only sign-in reads it',
  mail_outbox: 'letters go to people, who belong to no workspace; only sign-in reads them',
  mailed_link:
    'links in letters open accounts, which belong to no workspace; only sign-in reads them',
  epoch: 'a stretch of one gateway process, which carries all workspaces',
  call: 'journal: reached through its functions only',
  outcome: 'journal: reached through its functions only',
  open_call: 'journal: reached through its functions only',
  idempotency_key: 'journal: reached through its functions only',
  seal_cursor: 'journal: reached through its functions only',
  audit_head: 'journal: reached through its functions only',
  audit_month: 'months of the installation: when each begins, and nothing of what is in it',
  approval_end: 'journal: reached through its functions only',
};
const SERVICE_ROLES = [
  'conducktor_app',
  'conducktor_auth',
  'conducktor_gateway',
  'conducktor_audit',
  'conducktor_billing',
];

let database: TestDatabase;
let admin: Db;
const rows = async (sql: string, values: unknown[] = []) =>
  (await admin.pool.query(sql, values)).rows;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  // A partition must be as closed as its parent.
  await admin.pool.query("select open_epoch('test')");
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const tables = () =>
  rows(`select c.oid, c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
               pg_get_userbyid(c.relowner) as owner, c.relispartition as partition
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') order by 2`);

describe('row level security, by the catalogue', () => {
  it('is enabled and forced with the template on every table that has a tenant', async () => {
    const wrong: string[] = [];
    for (const table of await tables()) {
      if (table.partition || table.name in GLOBAL_TABLES) continue;
      const policies = await rows(
        `select polname, polpermissive, array(select pg_get_userbyid(r)::text from unnest(polroles) r) as roles,
                pg_get_expr(polqual, polrelid) as qual, pg_get_expr(polwithcheck, polrelid) as "check"
           from pg_policy where polrelid = $1 order by polname`,
        [table.oid],
      );
      const column = table.name === 'tenant' ? 'id' : 'tenant_id';
      const isolation = `(${column} = current_tenant())`;
      const expected = [
        {
          polname: 'system_rows',
          polpermissive: true,
          roles: ['conducktor_system'],
          qual: 'true',
          check: 'true',
        },
        {
          polname: 'tenant_isolation',
          polpermissive: false,
          roles: ['conducktor_tenant'],
          qual: isolation,
          check: isolation,
        },
        {
          polname: 'tenant_rows',
          polpermissive: true,
          roles: ['conducktor_tenant'],
          qual: 'true',
          check: 'true',
        },
      ];
      if (
        !table.enabled ||
        !table.forced ||
        JSON.stringify(policies) !== JSON.stringify(expected)
      ) {
        wrong.push(`${table.name}: ${JSON.stringify({ ...table, policies })}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has the tenant in every unique key and every foreign key between tenant tables', async () => {
    const wrong = await rows(
      `with tenant_table as (
         select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
          where c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity)
       select conrelid::regclass::text || '.' || conname as name from pg_constraint k
        where conrelid in (select oid from tenant_table) and contype in ('p', 'u', 'f')
          and (contype <> 'f' or confrelid in (select oid from tenant_table))
          and not exists (select from unnest(k.conkey) n join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n
                           where a.attname = 'tenant_id')`,
    );
    // Ids that tokens and keys carry are looked up before the tenant is known: unguessable, unique everywhere.
    expect(wrong.map((row) => row.name).sort()).toEqual([
      'api_key.api_key_id_key',
      'oauth_grant.oauth_grant_id_key',
    ]);
  });

  it('binds every service role: none owns a table, bypasses a policy or may become another', async () => {
    const roles = await rows(
      'select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = any($1) order by 1',
      [SERVICE_ROLES],
    );
    expect(roles).toHaveLength(SERVICE_ROLES.length);
    for (const role of roles) {
      expect(role).toMatchObject({
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
      });
    }
    const owners = new Set((await tables()).map((table) => table.owner));
    for (const role of SERVICE_ROLES) expect(owners.has(role)).toBe(false);
    const memberships = await rows(
      `select pg_get_userbyid(member) as member, pg_get_userbyid(roleid) as role from pg_auth_members
        where pg_get_userbyid(member) = any($1)`,
      [SERVICE_ROLES],
    );
    expect([...new Set(memberships.map((row) => row.role))]).toEqual(['conducktor_tenant']);
  });

  it('keeps the journal out of everybody’s reach but through its functions', async () => {
    const open = await rows(
      `select grantee, table_name from information_schema.role_table_grants
        where table_schema = 'public' and grantee = any($1)
          and (table_name in ('call', 'outcome', 'open_call', 'epoch', 'idempotency_key', 'seal_cursor', 'audit_head')
               or table_name ~ '^(call|outcome)_[0-9]+$')`,
      [[...SERVICE_ROLES, 'conducktor_tenant', 'PUBLIC']],
    );
    expect(open).toEqual([]);
  });

  it('lets nobody reach a month of the sequences or of the ledger past its parent', async () => {
    await admin.pool.query('select prepare_audit_months()');
    const partitions = await rows(
      `select c.relname as name, p.relname as parent, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
              (select count(*)::int from pg_policy where polrelid = c.oid) as policies,
              array(select distinct pg_get_userbyid(a.grantee)::text from aclexplode(c.relacl) a where a.grantee <> c.relowner) as others,
              array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attacl is not null) as columns
         from pg_class c join pg_inherits i on i.inhrelid = c.oid join pg_class p on p.oid = i.inhparent
        where p.relkind = 'p' and p.relrowsecurity and c.relkind in ('r', 'p') order by 1`,
    );
    const months = partitions.filter(({ parent }) => parent === 'audit_event');
    expect(months).toHaveLength(3);
    for (const partition of partitions)
      expect(partition, partition.name).toMatchObject({ others: [], columns: [] });
    // Whom a right were given by mistake, row security would still show nothing: there is no policy.
    for (const month of months)
      expect(month, month.name).toMatchObject({ enabled: true, forced: true, policies: 0 });

    const app = createDb(database.urlFor('conducktor_app'), { max: 1 });
    try {
      const { tenantId } = await seedWorkspace(admin);
      await app.withTenant(tenantId, async (tx) => {
        await tx.query('select from audit_event');
        await expect(tx.query(`select from ${months[0].name}`)).rejects.toMatchObject({
          code: '42501',
        });
      });
    } catch (error) {
      // The refusal ended the transaction.
      expect(error).toMatchObject({ code: '25P02' });
    } finally {
      await app.end();
    }
  });

  it('lets no function with the owner’s rights be executed by everyone, nor run with a foreign search path', async () => {
    const loose = await rows(
      `select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'public' and p.prosecdef
          and (not coalesce(p.proconfig::text like '%"search_path=public, pg_temp"%', false)
               or (p.prorettype <> 'trigger'::regtype and has_function_privilege('public', p.oid, 'execute')))`,
    );
    expect(loose).toEqual([]);
  });

  it('shows a role nothing without a tenant, and only its own with one', async () => {
    const [one, other] = [await seedWorkspace(admin), await seedWorkspace(admin)];
    const app = createDb(database.urlFor('conducktor_app'));
    try {
      expect((await app.pool.query('select count(*)::int n from member')).rows[0].n).toBe(0);
      await app.withTenant(one.tenantId, async (tx) => {
        expect((await tx.query('select distinct tenant_id from member')).rows).toEqual([
          { tenant_id: one.tenantId },
        ]);
        const touched = await tx.query('update member set email = $1 where tenant_id = $2', [
          'x',
          other.tenantId,
        ]);
        expect(touched.rowCount).toBe(0);
      });
      // After a commit the setting is '', which must mean no tenant.
      expect((await app.pool.query('select count(*)::int n from member')).rows[0].n).toBe(0);
      await expect(
        app.withTenant(one.tenantId, (tx) =>
          tx.query("insert into workspace_group (tenant_id, id, name) values ($1, 'grp_x', 'x')", [
            other.tenantId,
          ]),
        ),
      ).rejects.toThrow(/row-level security/);
    } finally {
      await app.end();
    }
  });
});
