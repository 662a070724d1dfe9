import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Retention } from '../retention.js';

let database: TestDatabase;
let admin: Db;
let audit: Db;
let retention: Retention;
let tenantId: string;
let memberId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { statementTimeoutMs: 60_000 });
  audit = createDb(database.urlFor('conducktor_audit'), { max: 2 });
});
afterAll(async () => {
  await audit.end();
  await admin.end();
  await database.drop();
});
beforeEach(async () => {
  retention = new Retention({ db: audit, logger: createLogger('test', 'silent') });
  const workspace = await seedWorkspace(admin);
  tenantId = workspace.tenantId;
  memberId = workspace.owner.memberId;
});

const settings = (payloadDays: number | null, eventDays: number | null) =>
  admin.pool.query('update tenant set payload_days = $2, event_days = $3 where id = $1', [
    tenantId,
    payloadDays,
    eventDays,
  ]);

/** One call a day, the oldest first, the last one now; every third call's arguments stand apart. */
async function callsOfDays(days: number, tenant = tenantId): Promise<void> {
  await admin.pool.query(
    `insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, arguments_hash, arguments_sealed, detail)
     select $1, s, 'evt_' || to_hex(s) || 'x' || s, 'call', now() - make_interval(days => $2::int - s), 'call_' || $1 || s, $3,
            'hash' || s, case when s % 3 > 0 then 'sealed' end, case when s % 3 = 0 then '{"argumentsIn": "call_body"}' else '{}' end::jsonb
       from generate_series(1, $2::int) s`,
    [tenant, days, memberId],
  );
  await admin.pool.query(
    `insert into call_body (tenant_id, call_id, sealed, created_at)
     select tenant_id, call_id, 'body', at from audit_event where tenant_id = $1 and seq % 3 = 0`,
    [tenant],
  );
  await admin.pool.query('insert into audit_head (tenant_id, next_seq) values ($1, $2)', [
    tenant,
    days + 1,
  ]);
}

const state = async () => {
  const { rows } = await admin.pool.query(
    `select min(seq)::int as first, count(*)::int as events, count(arguments_hash)::int as hashes,
            min(seq) filter (where arguments_sealed is not null)::int as "firstSealed",
            max(seq) filter (where payload_erased_at is not null)::int as "lastErased",
            (select count(*)::int from call_body b where b.tenant_id = $1) as bodies
       from audit_event where tenant_id = $1`,
    [tenantId],
  );
  return rows[0];
};
const records = async () =>
  (
    await admin.pool.query('select record from audit_outbox where tenant_id = $1 order by id', [
      tenantId,
    ])
  ).rows.map(({ record }) => record);

describe('retention', () => {
  it('erases arguments past their days, in the event and apart, and leaves hashes and younger ones', async () => {
    await callsOfDays(60);
    await settings(10, null);
    await retention.round();
    // 60 is of today; what is of the tenth day before is kept whole.
    expect(await state()).toEqual({
      first: 1,
      events: 60,
      hashes: 60,
      firstSealed: 50,
      lastErased: 49,
      bodies: 4,
    });
    expect(await records()).toEqual([
      expect.objectContaining({ action: 'retention.payloads', erased: 49, fromSeq: 1, toSeq: 49 }),
    ]);
    expect(await retention.round()).toBe(0);
    expect(await records()).toHaveLength(1);
  });

  it('erases what was asked for approval with it, and forgets the request with its votes as it forgets events', async () => {
    const request = (id: string, status: string, days: number) =>
      admin.pool.query(
        `insert into approval_request (tenant_id, id, status, member_id, client_id, credential, scopes, tool_id, tool,
           connection_id, connection, connection_revision, definition_hash, tool_class, arguments_hash,
           arguments_sealed, policy_version, demands, on_approval, created_at, expires_at, decided_at)
         select $1, $2, $3, $4, 'c', 'key:k', '{}', 't', 't', 'c', 'c', 1, 'd', 'write', $2, 'sealed', 1, '[]', 'run',
                at, at, case when $3 <> 'pending' then at end from (select now() - make_interval(days => $5)) x(at)`,
        [tenantId, id, status, memberId, days],
      );
    await request('apr_young', 'rejected', 9);
    await request('apr_old', 'rejected', 12);
    await request('apr_open', 'pending', 40);
    await request('apr_gone', 'expired', 32);
    await admin.pool.query(
      `insert into approval_vote (tenant_id, request_id, member_id, vote) values ($1, 'apr_gone', $2, 'approve')`,
      [tenantId, memberId],
    );
    await admin.pool.query(
      `insert into approval_delegation (tenant_id, id, from_member_id, to_member_id, until)
       select $1, 'dlg_' || d, 'a', 'b', now() - make_interval(days => d) from unnest('{1,91}'::int[]) d`,
      [tenantId],
    );
    for (const id of ['apr_young', 'apr_old', 'apr_gone'])
      await admin.pool.query(
        `insert into approval_preview (tenant_id, request_id, side, tool, at, sealed) values ($1, $2, 'before', 't', now(), 'read')`,
        [tenantId, id],
      );
    await settings(10, 30);
    await retention.round();
    const previews = await admin.pool.query(
      'select request_id as id, length(sealed) as bytes from approval_preview where tenant_id = $1 order by id',
      [tenantId],
    );
    expect(previews.rows).toEqual([
      { id: 'apr_old', bytes: 0 },
      { id: 'apr_young', bytes: 4 },
    ]);
    const { rows } = await admin.pool.query(
      `select r.id, arguments_sealed::text as sealed, count(v)::int as votes from approval_request r
         left join approval_vote v on v.tenant_id = r.tenant_id where r.tenant_id = $1 group by r.id, 2 order by r.id`,
      [tenantId],
    );
    const sealed = `\\x${Buffer.from('sealed').toString('hex')}`;
    expect(rows).toEqual([
      { id: 'apr_old', sealed: '\\x', votes: 0 },
      { id: 'apr_open', sealed, votes: 0 },
      { id: 'apr_young', sealed, votes: 0 },
    ]);
    const delegations = 'select id from approval_delegation where tenant_id = $1';
    expect((await admin.pool.query(delegations, [tenantId])).rows).toEqual([{ id: 'dlg_1' }]);
    expect(await records()).toEqual([
      expect.objectContaining({ action: 'retention.approvals', erased: 1, deleted: 1 }),
    ]);
    expect(await retention.round()).toBe(0);
  });

  it('keeps everything while nothing is set, and touches no other workspace', async () => {
    const other = await seedWorkspace(admin);
    await callsOfDays(60);
    await settings(null, null);
    await admin.pool.query('update tenant set payload_days = 1 where id = $1', [other.tenantId]);
    expect(await retention.round()).toBe(0);
    expect(await state()).toMatchObject({ events: 60, lastErased: null, bodies: 20 });
  });

  it('that dies in the middle of a batch leaves nothing half done and is gone through later', async () => {
    await callsOfDays(60);
    await settings(10, null);
    const client = await audit.pool.connect();
    await client.query('begin');
    await client.query('select expire_payloads(7)');
    // Meanwhile another finds the work taken.
    expect(await retention.round()).toBe(0);
    client.release(new Error('killed'));
    expect(await state()).toMatchObject({ lastErased: null });
    const goOn = async () => {
      await retention.round(7);
      return state();
    };
    await expect
      .poll(goOn, { timeout: 30_000 })
      .toMatchObject({ first: 1, events: 60, firstSealed: 50, lastErased: 49 });
    // Every event that lost its arguments is in exactly one record.
    let next = 1;
    for (const { fromSeq, toSeq } of await records()) {
      expect(fromSeq).toBe(next);
      next = toSeq + 1;
    }
    expect(next).toBe(50);
  });

  it('leaves what is not sealed yet alone', async () => {
    await settings(1, 30);
    const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
    const { rows } = await gateway.pool.query("select open_epoch('test') as epoch");
    await gateway.end();
    await admin.pool.query(
      `insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
       values ($1, 1, 1, $2, 'call_old', true, 0, now(), $3)`,
      [
        rows[0].epoch,
        tenantId,
        JSON.stringify({ at: '2020-01-01T00:00:00Z', argumentsHash: 'h', argumentsSealed: 's' }),
      ],
    );
    await retention.round();
    await audit.pool.query('select seal(100)');
    expect(await state()).toMatchObject({ events: 1, firstSealed: 1 });
  });

  it('works through functions only: its role can neither change nor delete an event', async () => {
    for (const sql of [
      'delete from audit_event',
      'update audit_event set arguments_sealed = null',
      'delete from call_body',
    ])
      await expect(audit.pool.query(sql), sql).rejects.toMatchObject({ code: '42501' });
  });
});
