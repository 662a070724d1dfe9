import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Poster } from '../poster.js';

let database: TestDatabase;
let admin: Db;
let billing: Db;
let poster: Poster;
let tenantId: string;
let memberId: string;
const logger = createLogger('test', 'silent');

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  billing = createDb(database.urlFor('conducktor_billing'), { max: 2 });
});
afterAll(async () => {
  await billing.end();
  await admin.end();
  await database.drop();
});
beforeEach(async () => {
  poster = new Poster({ db: billing, logger });
  const workspace = await seedWorkspace(admin);
  tenantId = workspace.tenantId;
  memberId = workspace.member.memberId;
});

interface Event {
  kind: 'call' | 'outcome' | 'denial' | 'control';
  callId?: string;
  at?: string;
  tool?: string;
  code?: string;
  outcome?: string;
  cost?: number;
  ms?: number;
  detail?: Record<string, unknown>;
}

const NOON = '2026-03-01T12:00:00Z';

/** Appends to the workspace's sealed sequence as `seal` does. */
async function sealed(events: readonly Event[], tenant = tenantId): Promise<void> {
  await admin.pool.query(
    `with head as (
       insert into audit_head as h (tenant_id, next_seq) values ($1, 1 + $3)
       on conflict (tenant_id) do update set next_seq = h.next_seq + $3 returning next_seq - $3 as first)
     insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, client_id, connection, tool, code, outcome,
                              cost_micros, duration_ms, detail)
     select $1, head.first + ord - 1, 'evt_' || to_hex(head.first + ord - 1) || 'x', kind, at, "callId",
            case when kind in ('call', 'denial') then $4 end, case when kind in ('call', 'denial') then 'chatgpt' end,
            case when kind <> 'control' then 'crm' end, case when kind <> 'control' then coalesce(tool, 'crm_find') end,
            code, outcome, coalesce(cost, 0), ms, coalesce(detail, '{}')
       from head, rows from (jsonb_to_recordset($2) as (kind text, "callId" text, at timestamptz, tool text, code text,
            outcome text, cost bigint, ms float8, detail jsonb)) with ordinality
              e(kind, "callId", at, tool, code, outcome, cost, ms, detail, ord)`,
    [
      tenant,
      JSON.stringify(events.map((event) => ({ at: NOON, ...event }))),
      events.length,
      memberId,
    ],
  );
}

const call = (callId: string, reserved = 0, more: Partial<Event> = {}): Event => ({
  kind: 'call',
  callId,
  detail: reserved === 0 ? {} : { reservedMicros: reserved, budgets: [65536, 131072] },
  ...more,
});
const end = (callId: string, cost: number, more: Partial<Event> = {}): Event => ({
  kind: 'outcome',
  callId,
  outcome: 'ok',
  cost,
  ms: 20,
  ...more,
});
const post = async () => {
  while ((await poster.postOnce()).rows > 0);
};
const ledger = async (tenant = tenantId) =>
  (
    await admin.pool.query<{ entry: string }>(
      `select seq || ' ' || kind || ' ' || debit || '>' || credit || ' ' || amount_micros || ' ' || call_id as entry
         from ledger_entry where tenant_id = $1 order by seq, line`,
      [tenant],
    )
  ).rows.map(({ entry }) => entry);
const hours = async (tenant = tenantId) =>
  (
    await admin.pool.query(
      `select k.tool, k.code, sum(calls)::int as calls, sum(errors)::int as errors, sum(denied)::int as denied,
              sum(cost_micros)::int as cost, sum(held_micros)::int as held
         from usage_hour u join usage_key k on k.tenant_id = u.tenant_id and k.id = u.key
        where u.tenant_id = $1 group by 1, 2 order by 1, 2`,
      [tenant],
    )
  ).rows;
const differences = async (tenant = tenantId) =>
  (await billing.pool.query('select * from usage_differences($1)', [tenant])).rows;

describe('posting', () => {
  it('reserves at the call, settles what it cost and releases the rest, each once', async () => {
    await sealed([call('a', 100), call('b', 70), end('a', 60), call('free'), end('free', 0)]);
    await post();
    // The outcome of `b` comes in a later batch than its call.
    await sealed([end('b', 70), call('c', 30), end('c', 0, { outcome: 'not_sent' })]);
    await post();
    await post();
    expect(await ledger()).toEqual([
      '1 reserve available>held 100 a',
      '2 reserve available>held 70 b',
      '3 settle held>spent 60 a',
      '3 release held>available 40 a',
      '6 settle held>spent 70 b',
      '7 reserve available>held 30 c',
      '8 release held>available 30 c',
    ]);
    const { rows } = await admin.pool.query(
      `select distinct accounts, connection, tool, member_id, client_id from ledger_entry where tenant_id = $1`,
      [tenantId],
    );
    expect(rows).toEqual([
      {
        accounts: ['65536', '131072'],
        connection: 'crm',
        tool: 'crm_find',
        member_id: memberId,
        client_id: 'chatgpt',
      },
    ]);
    expect(await hours()).toEqual([
      { tool: 'crm_find', code: '', calls: 4, errors: 0, denied: 0, cost: 130, held: 0 },
    ]);
    expect(await differences()).toEqual([]);
  });

  it('goes on with every other workspace where an event of one cannot be posted, and with that one once it can', async () => {
    const other = await seedWorkspace(admin);
    await sealed([call('a', 100), call('bad', 0, { detail: { reservedMicros: 'much' } })]);
    await sealed([call('b', 70), end('b', 70)], other.tenantId);
    await poster.postOnce();
    const posted = ['1 reserve available>held 70 b', '2 settle held>spent 70 b'];
    expect([await ledger(), await ledger(other.tenantId)]).toEqual([[], posted]);
    // Nothing else is left: that is no silence.
    await expect(poster.postOnce()).rejects.toThrow('much');
    expect(poster.failing).toBe(1);
    await admin.pool.query(
      "update audit_event set detail = '{}' where tenant_id = $1 and call_id = 'bad'",
      [tenantId],
    );
    // One that has not tried it knows of no pause.
    poster = new Poster({ db: billing, logger });
    await post();
    expect([await ledger(), await ledger(other.tenantId)]).toEqual([
      ['1 reserve available>held 100 a'],
      posted,
    ]);
    expect(await differences()).toEqual([]);
  });

  it('of others waits once at most for a workspace that takes longer than a statement may', async () => {
    const other = await seedWorkspace(admin);
    for (const tenant of [tenantId, other.tenantId]) await sealed([call('a', 100)], tenant);
    await post();
    for (const tenant of [tenantId, other.tenantId]) await sealed([end('a', 100)], tenant);
    const hasty = createDb(database.urlFor('conducktor_billing'), {
      max: 2,
      statementTimeoutMs: 1_000,
    });
    poster = new Poster({ db: hasty, logger });
    const holding = await admin.pool.connect();
    await holding.query('begin');
    await holding.query('select from money_cursor where tenant_id = $1 for update', [tenantId]);
    try {
      await poster.postOnce();
      expect([(await ledger()).length, (await ledger(other.tenantId)).length]).toEqual([1, 2]);
      expect(poster.failing).toBe(1);
      // Nor for it again with what comes next.
      await sealed([call('b', 50)], other.tenantId);
      const began = performance.now();
      await poster.postOnce();
      expect(performance.now() - began).toBeLessThan(900);
      expect(await ledger(other.tenantId)).toHaveLength(3);
    } finally {
      await holding.query('rollback');
      holding.release();
      await hasty.end();
    }
  });

  it('keeps what an unknown outcome reserved held, until it is reconciled', async () => {
    await sealed([call('a', 100), end('a', 0, { outcome: 'unknown', ms: 9 })]);
    await post();
    expect(await hours()).toEqual([
      { tool: 'crm_find', code: '', calls: 1, errors: 1, denied: 0, cost: 0, held: 100 },
    ]);
    await sealed([
      {
        kind: 'control',
        detail: {
          action: 'money.reconcile',
          callId: 'a',
          reservedMicros: 100,
          costMicros: 25,
          budgets: [65536],
          reason: 'seen in their log',
        },
      },
      { kind: 'control', detail: { action: 'policy.activate' } },
    ]);
    await post();
    expect((await ledger()).slice(1)).toEqual([
      '3 correct held>spent 25 a',
      '3 correct held>available 75 a',
    ]);
    expect(await hours()).toMatchObject([{ calls: 1, errors: 1, cost: 25, held: 0 }]);
    expect(await differences()).toEqual([]);
  });

  it('balances a charge that nothing was reserved for', async () => {
    await sealed([call('old'), end('old', 500)]);
    await post();
    expect(await ledger()).toEqual(['2 settle available>spent 500 old']);
    expect(await hours()).toMatchObject([{ cost: 500, held: 0 }]);
  });

  it('counts refusals by their code, as often as they happened', async () => {
    await sealed([
      { kind: 'denial', callId: 'd1', code: 'budget_exceeded' },
      { kind: 'denial', callId: 'd2', code: 'policy_denied', detail: { repeated: 12 } },
      { kind: 'denial', callId: 'd3', code: 'policy_denied' },
    ]);
    await post();
    expect(await hours()).toMatchObject([
      { code: 'budget_exceeded', calls: 0, denied: 1 },
      { code: 'policy_denied', calls: 0, denied: 13 },
    ]);
  });

  it('ends a call whose event is gone by its reservation', async () => {
    await sealed([call('a', 100)]);
    await post();
    await admin.pool.query('delete from audit_event where tenant_id = $1', [tenantId]);
    await sealed([end('a', 40, { at: '2026-04-02T12:00:00Z' })]);
    await post();
    expect((await ledger()).slice(1)).toEqual([
      '2 settle held>spent 40 a',
      '2 release held>available 60 a',
    ]);
    expect(await hours()).toMatchObject([{ calls: 1, cost: 40, held: 0 }]);
  });

  it('says that there is more while one of several workspaces has more than its share', async () => {
    const other = await seedWorkspace(admin);
    await sealed([call('only', 10)], other.tenantId);
    await sealed(Array.from({ length: 250 }, (_, i) => call(`c${i}`)));
    expect(await poster.postOnce(300)).toEqual({ rows: 151, isMore: true });
    expect(await poster.postOnce(300)).toEqual({ rows: 100, isMore: false });
  });

  it('is done once by several at a time, and one that dies leaves nothing half done', async () => {
    const others = createDb(database.urlFor('conducktor_billing'), { max: 4 });
    const events = Array.from({ length: 400 }, (_, i) => [
      call(`c${i}`, 10 + i),
      end(`c${i}`, 10 + (i % 7)),
    ]).flat();
    await sealed(events);
    const client = await others.pool.connect();
    await client.query('begin');
    await client.query('select post_money(50)');
    // The work is taken meanwhile.
    expect(await poster.postOnce()).toEqual({ rows: 0, isMore: false });
    client.release(new Error('killed'));
    await expect
      .poll(
        async () => {
          await Promise.all(
            Array.from({ length: 4 }, () => others.pool.query('select post_money(150)')),
          );
          return (await ledger()).length;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(1_190);
    await post();
    const { rows } = await admin.pool.query(
      `select count(*) filter (where kind = 'settle')::int as settled,
              sum(amount_micros) filter (where credit = 'spent')::int as spent,
              sum(case when credit = 'held' then amount_micros when debit = 'held' then -amount_micros end)::int as held
         from ledger_entry where tenant_id = $1`,
      [tenantId],
    );
    const spent = events.reduce((sum, event) => sum + (event.cost ?? 0), 0);
    expect(rows).toEqual([{ settled: 400, spent, held: 0 }]);
    expect(await hours()).toMatchObject([{ calls: 400, cost: spent, held: 0 }]);
    expect(await differences()).toEqual([]);
    await others.end();
  });

  it('keeps sums that no 64-bit integer holds', async () => {
    const much = Number.MAX_SAFE_INTEGER;
    const events = Array.from({ length: 1_100 }, (_, i) => [
      call(`c${i}`, much),
      end(`c${i}`, much),
    ]).flat();
    await sealed(events);
    await post();
    const { rows } = await admin.pool.query(
      'select sum(cost_micros) as cost from usage_day where tenant_id = $1',
      [tenantId],
    );
    expect(rows[0].cost).toBe(String(1_100n * BigInt(much)));
  });

  it('counts days anew when the workspace’s zone changes', async () => {
    const days = async () =>
      (
        await admin.pool.query(
          'select day::text, sum(calls)::int as calls from usage_day where tenant_id = $1 group by 1 order by 1',
          [tenantId],
        )
      ).rows;
    const late = '2026-03-01T23:30:00Z';
    await sealed([call('a', 0, { at: late }), call('b', 0, { at: NOON })]);
    await post();
    expect(await days()).toEqual([{ day: '2026-03-01', calls: 2 }]);
    await admin.pool.query("update tenant set zone = 'Europe/Berlin' where id = $1", [tenantId]);
    await sealed([call('c', 5, { at: late }), end('c', 5, { at: late })]);
    await post();
    expect(await days()).toEqual([
      { day: '2026-03-01', calls: 1 },
      { day: '2026-03-02', calls: 2 },
    ]);
    expect(await differences()).toEqual([]);
  });

  it('shows a figure that is not what events and ledger say', async () => {
    await sealed([call('a', 100), end('a', 100)]);
    await post();
    await admin.pool.query(
      'update usage_day set cost_micros = cost_micros + 1 where tenant_id = $1',
      [tenantId],
    );
    expect(await differences()).toEqual([
      expect.objectContaining({
        span: 'day',
        starts: '2026-03-01',
        counted: expect.stringMatching(/^\(1,0,0,100,0,/),
        kept: expect.stringMatching(/^\(1,0,0,101,0,/),
      }),
    ]);
    await admin.pool.query('delete from usage_connection_hour where tenant_id = $1', [tenantId]);
    expect(await differences()).toContainEqual(
      expect.objectContaining({
        span: 'connection hour',
        counted: expect.stringMatching(/^\(1,0,0,100,0,/),
        kept: null,
      }),
    );
  });

  it('is the only one who may write the ledger, and nobody may change it', async () => {
    for (const role of ['app', 'auth', 'gateway', 'audit', 'billing'] as const) {
      const db = createDb(database.urlFor(`conducktor_${role}`), { max: 1 });
      for (const sql of [
        'update ledger_entry set amount_micros = 1',
        'delete from ledger_entry',
        'truncate ledger_entry',
        'insert into ledger_entry select * from ledger_entry',
        'update usage_hour set calls = 0',
      ])
        await expect(db.pool.query(sql), `${role}: ${sql}`).rejects.toMatchObject({
          code: '42501',
        });
      await db.end();
    }
    const { rows } = await admin.pool.query(
      `select privilege_type as may from information_schema.role_table_grants
        where table_name like 'ledger\\_entry%' and grantee <> 'conducktor_owner' and privilege_type not in ('SELECT', 'INSERT')`,
    );
    expect(rows).toEqual([]);
  });
});
