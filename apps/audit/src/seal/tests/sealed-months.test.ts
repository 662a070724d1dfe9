import {
  createDb,
  findAuditEvent,
  lastSeq,
  listAuditEvents,
  sealedEventsBetween,
  type Db,
} from '@conducktor/db';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let database: TestDatabase;
let admin: Db;
let audit: Db;
let tenantId: string;

beforeEach(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { max: 2 });
  audit = createDb(database.urlFor('conducktor_audit'), { max: 2 });
  tenantId = (await seedWorkspace(admin)).tenantId;
});
afterEach(async () => {
  await audit.end();
  await admin.end();
  await database.drop();
});

const rows = async (sql: string, values: unknown[] = []) =>
  (await admin.pool.query(sql, values)).rows;
const seal = async (records: object[]) => {
  for (const record of records)
    await rows('insert into audit_outbox (tenant_id, record) values ($1, $2)', [tenantId, record]);
  return (await audit.pool.query('select seal(1000) as n')).rows[0].n;
};
const places = () =>
  rows(
    `select seq::int, e.tableoid::regclass::text as month, sealed_at >= m.starts and sealed_at < m.ends as inside
       from audit_event e join audit_month m on m.partition = e.tableoid::regclass::text where tenant_id = $1 order by seq`,
    [tenantId],
  );
const monthAfter = async (months: number) =>
  (
    await rows(
      `select 'audit_event_' || to_char(now() at time zone 'UTC' + make_interval(months => $1), 'YYYY_MM') as name`,
      [months],
    )
  )[0].name;

describe('sealing by months', () => {
  it('makes the month itself when nobody has, as after months in which nothing ran', async () => {
    for (const { partition } of await rows('select partition from audit_month'))
      await rows(`drop table if exists ${partition}`);
    await rows('delete from audit_month');
    expect(await seal([{ action: 'one' }, { action: 'two' }])).toBe(2);
    const month = await monthAfter(0);
    expect(await places()).toEqual([
      { seq: 1, month, inside: true },
      { seq: 2, month, inside: true },
    ]);
    expect(await rows('select from_seq::int from audit_span')).toEqual([{ from_seq: 1 }]);
  });

  it('never goes back a month when the clock does, and what was sealed ahead leaves by its own times', async () => {
    await seal([{ action: 'before' }]);
    // The clock was two months ahead for a while.
    await rows(`select make_audit_month(now() + interval '2 months')`);
    await rows(`update audit_month set opened_at = now() where starts > now()`);
    await seal([{ action: 'ahead' }]);
    await seal([{ action: 'back again' }]);
    const ahead = await monthAfter(2);
    expect(await places()).toEqual([
      { seq: 1, month: await monthAfter(0), inside: true },
      { seq: 2, month: ahead, inside: true },
      { seq: 3, month: ahead, inside: true },
    ]);
    await audit.pool.query('select prepare_audit_months()');
    expect(await rows('select partition from audit_month where by_at')).toEqual([
      { partition: ahead },
    ]);
  });

  it('is read as one sequence: an outcome of a month later finds its call, and the call its outcome', async () => {
    await rows(
      `select make_audit_month(now() - make_interval(months => m)) from generate_series(0, 3) m`,
    );
    const event = (seq: number, months: number, kind: string, callId: string) =>
      rows(
        `with s as (insert into audit_span select $1, date_trunc('month', now() - make_interval(months => $3), 'UTC'), $2 on conflict do nothing)
         insert into audit_event (tenant_id, seq, id, kind, at, sealed_at, call_id, tool, outcome)
         select $1, $2, 'evt_' || to_hex($2::bigint) || 'x', $4::text, m, m, $5, case $4 when 'call' then 'echo' end, case $4 when 'outcome' then 'ok' end
           from (select date_trunc('month', now() - make_interval(months => $3), 'UTC') + make_interval(secs => $2) as m) x`,
        [tenantId, seq, months, kind, callId],
      );
    await event(1, 3, 'call', 'late');
    await event(2, 3, 'call', 'soon');
    await event(3, 3, 'outcome', 'soon');
    await event(4, 1, 'call', 'across');
    await event(5, 0, 'outcome', 'across');
    await event(6, 0, 'outcome', 'late');
    const app = createDb(database.urlFor('conducktor_app'), { max: 1 });
    try {
      await app.withTenant(tenantId, async (tx) => {
        expect(await lastSeq(tx)).toBe(6);
        const outcomes = await sealedEventsBetween(tx, { after: 3, upTo: 6 }, { tool: 'echo' });
        expect(outcomes.map(({ seq, tool, callId }) => [seq, tool, callId])).toEqual([
          [4, 'echo', 'across'],
          [5, 'echo', 'across'],
          [6, 'echo', 'late'],
        ]);
        expect(await sealedEventsBetween(tx, { after: 3, upTo: 6 }, { tool: 'other' })).toEqual([]);
        const list = async (more: object) =>
          (await listAuditEvents(tx, { order: 'desc', beyond: undefined, limit: 10, ...more })).map(
            ({ seq, outcome }) => [seq, outcome],
          );
        expect(await list({})).toEqual([
          [4, 'ok'],
          [2, 'ok'],
          [1, 'ok'],
        ]);
        expect(await list({ beyond: 4, limit: 1 })).toEqual([[2, 'ok']]);
        expect(await list({ order: 'asc', beyond: 1, limit: 2, outcome: 'ok' })).toEqual([
          [2, 'ok'],
          [4, 'ok'],
        ]);
        const since = new Date(Date.now() - 62 * 86_400_000).toISOString();
        expect(await list({ since, outcome: 'ok' })).toEqual([[4, 'ok']]);
        expect(await findAuditEvent(tx, 'evt_1x')).toMatchObject({ seq: 1, outcome: 'ok' });
      });
    } finally {
      await app.end();
    }
  });
});
