import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealer } from '../sealer.js';

let database: TestDatabase;
let admin: Db;
let audit: Db;
let sealer: Sealer;
let tenantId: string;

beforeEach(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { statementTimeoutMs: 60_000 });
  audit = createDb(database.urlFor('conducktor_audit'), { max: 2 });
  sealer = new Sealer({ db: audit, logger: createLogger('test', 'silent') });
  tenantId = (await seedWorkspace(admin)).tenantId;
});
afterEach(async () => {
  await audit.end();
  await admin.end();
  await database.drop();
});

/** An epoch whose session is gone: its lock fell with the connection that opened it. */
async function pastEpoch(): Promise<number> {
  const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
  const { rows } = await gateway.pool.query("select open_epoch('past') as epoch");
  await gateway.end();
  return rows[0].epoch as number;
}
const insertCalls = (epoch: number, ticks: number, admitted: boolean, perTick = 1) =>
  admin.pool.query(
    `insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
     select $1::int, t, o, $2, 'call_' || $1 || '_' || t || '_' || o, $4, 0, now(),
            json_build_object('at', now(), 'tool', 't')::text
       from generate_series(1, $3::int) t, generate_series(1, $5::int) o`,
    [epoch, tenantId, ticks, admitted, perTick],
  );
const insertOutcomes = (epoch: number, callEpoch: number, ticks: number, later: number) =>
  admin.pool.query(
    `insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
     select $1::int, t + $5, 1, $2::int, t, 1, $3, 'call_' || $2 || '_' || t || '_1', 0,
            json_build_object('at', now(), 'outcome', 'ok')::text
       from generate_series(1, $4::int) t`,
    [epoch, callEpoch, tenantId, ticks, later],
  );
const closedLongAgo = (epoch: number) =>
  admin.pool.query("update epoch set closed_at = now() - interval '2 hours' where id = $1", [
    epoch,
  ]);
const count = async (sql: string) => Number((await admin.pool.query(sql)).rows[0].n);
const sealAll = async () => {
  let total = 0;
  for (let sealed; (sealed = await sealer.sealOnce()) > 0;) total += sealed;
  return total;
};

describe('the sealer', () => {
  it('seals every row of an epoch before it drops it, however far behind it is', async () => {
    const epoch = await pastEpoch();
    await insertCalls(epoch, 5_000, false);
    await closedLongAgo(epoch);
    expect(await sealer.tidyOnce()).toBe(false);
    expect(await sealAll()).toBe(5_000);
    expect(await sealer.tidyOnce()).toBe(true);
    expect(await sealer.tidyOnce()).toBe(false);
    expect(await count("select count(*) n from audit_event where kind = 'denial'")).toBe(5_000);
  });

  it('gives a call its place before its outcome, also when calls are behind', async () => {
    const epoch = await pastEpoch();
    await insertCalls(epoch, 1_200, true, 4);
    await insertOutcomes(epoch, epoch, 1_200, 1);
    // Outcomes that came late stand in a later epoch than their calls.
    const later = await pastEpoch();
    const behind = await pastEpoch();
    await insertCalls(behind, 5_000, true);
    await insertOutcomes(later, behind, 10, 0);
    await sealAll();
    expect(
      await count(
        `select count(*) n from audit_event o where o.kind = 'outcome' and not exists (
           select from audit_event c where c.call_id = o.call_id and c.kind = 'call' and c.seq < o.seq)`,
      ),
    ).toBe(0);
    expect(await count("select count(*) n from audit_event where kind = 'outcome'")).toBe(1_210);
  });

  it('gives a call its place before what was said of its cost, also when calls are behind', async () => {
    const epoch = await pastEpoch();
    await insertCalls(epoch, 5_000, true);
    await admin.pool.query('insert into audit_outbox (tenant_id, record) values ($1, $2)', [
      tenantId,
      { action: 'money.reconcile', callId: `call_${epoch}_5000_1` },
    ]);
    await sealAll();
    const { rows } = await admin.pool.query(
      "select detail ->> 'callId' as call, seq::int as seq from audit_event where kind = 'control'",
    );
    expect(rows).toEqual([{ call: `call_${epoch}_5000_1`, seq: 5_001 }]);
  });

  it('drops an epoch beside running ticks without stopping them for long or deadlocking', async () => {
    const epoch = await pastEpoch();
    await insertCalls(epoch, 1, false);
    await sealAll();
    await closedLongAgo(epoch);
    const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
    const client = await gateway.pool.connect();
    try {
      const { rows } = await client.query("select open_epoch('running') as epoch");
      // A tick between its outcomes and its intents.
      await client.query('begin');
      await client.query(
        "select tick($1, 1, '{}','{}','{}','{}','{}','{}','{}', '{1}','{1}',$2,'{c}','{0}',$3, '{}','{}','{}','{}','{}', '{}','{}','{}', '{}','{}','{}')",
        [
          rows[0].epoch,
          [tenantId],
          [JSON.stringify({ at: new Date().toISOString(), outcome: 'ok' })],
        ],
      );
      const tidying = sealer.tidyOnce().catch((error: Error & { code?: string }) => error.code);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const startedAt = performance.now();
      await client.query(
        "select tick($1, 2, $2,'{0}','{d}','{false}','{0}','{NULL}',$3, '{}','{}','{}','{}','{}','{}', '{}','{}','{}','{}','{}', '{}','{}','{}', '{}','{}','{}')",
        [rows[0].epoch, [tenantId], [JSON.stringify({ at: new Date().toISOString(), tool: 't' })]],
      );
      expect(performance.now() - startedAt).toBeLessThan(900);
      expect(await tidying).toBe('55P03');
      await client.query('rollback');
      expect(await sealer.tidyOnce()).toBe(true);
    } finally {
      client.release();
      await gateway.end();
    }
  });

  it('says to its own role only how much waits for its place, and for how long', async () => {
    const lag = async () => (await audit.pool.query('select * from sealing_lag(100)')).rows[0];
    await sealAll();
    expect(await lag()).toEqual({ events: '0', seconds: null });
    const [one, other] = [await pastEpoch(), await pastEpoch()];
    await insertCalls(one, 150, true);
    await insertCalls(other, 2, true, 3);
    await insertOutcomes(other, one, 7, 0);
    const behind = await lag();
    expect(behind.events).toBe(String(100 + 6 + 7));
    expect(behind.seconds).toBeGreaterThan(0);
    expect(behind.seconds).toBeLessThan(60);
    await sealAll();
    expect(await lag()).toEqual({ events: '0', seconds: null });
    const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
    await expect(gateway.pool.query('select sealing_lag(1)')).rejects.toThrow('permission denied');
    await gateway.end();
  });

  it('forgets idempotency keys that nobody may use any more', async () => {
    await admin.pool.query(
      `insert into idempotency_key (tenant_id, key_hash, arguments_hash, call_id, created_at)
       values ($1, 'old', 'a', 'c', now() - interval '26 hours'), ($1, 'young', 'a', 'c', now() - interval '23 hours')`,
      [tenantId],
    );
    await sealer.tidyOnce();
    const { rows } = await admin.pool.query('select key_hash from idempotency_key');
    expect(rows).toEqual([{ key_hash: 'young' }]);
  });
});
