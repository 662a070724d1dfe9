import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace } from '@conducktor/testing';
import { expect } from 'vitest';
import { Retention } from '../retention.js';

/** Of a workspace in each month. */
export const EVENTS = 40;
export const MONTHS_BACK = 4;

export type History = Awaited<ReturnType<typeof openHistory>>;

/** Two workspaces with events in each of the last months and in this one, posted to the ledger, and an empty folder. */
export async function openHistory() {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl, { max: 2, statementTimeoutMs: 60_000 });
  const audit = createDb(database.urlFor('conducktor_audit'), { max: 2 });
  const rows = async (sql: string, values: unknown[] = []) =>
    (await admin.pool.query(sql, values)).rows;
  const one = (await seedWorkspace(admin)).tenantId;
  const other = (await seedWorkspace(admin)).tenantId;
  for (const tenant of [one, other]) await writeHistory(rows, tenant);
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-archive-'));

  /** The first place of a workspace; its sequence must have no gaps. */
  const firstOf = async (tenant: string) => {
    const [{ first, last, events }] = await rows(
      `select min(seq)::int as first, max(seq)::int as last, count(*)::int as events from audit_event where tenant_id = $1`,
      [tenant],
    );
    expect(events, 'a gap').toBe(last - first + 1);
    return first as number;
  };

  return {
    admin,
    audit,
    one,
    other,
    dir,
    rows,
    firstOf,
    keep: (tenant: string, eventDays: number | null) =>
      rows('update tenant set payload_days = null, event_days = $2 where id = $1', [
        tenant,
        eventDays,
      ]),
    /** `dies`: at the nth time that this function of the database is called. */
    retention(archiveDir?: string, dies?: { at: string; nth: number }) {
      const db = dies ? { ...audit, pool: poolThatEnds(audit, dies) } : audit;
      return new Retention({ db, logger: createLogger('test', 'silent'), archiveDir });
    },
    /** How many months are there, and where both sequences begin. */
    async kept() {
      const [{ months }] = await rows(
        `select count(*)::int as months from pg_inherits where inhparent = 'audit_event'::regclass
            and inhrelid::regclass::text <= 'audit_event_' || to_char(now() at time zone 'UTC', 'YYYY_MM')`,
      );
      return { months, one: await firstOf(one), other: await firstOf(other) };
    },
    async records(tenant: string) {
      const found = await rows(
        `select record from audit_outbox where tenant_id = $1 and record->>'action' = 'retention.events' order by id`,
        [tenant],
      );
      return found.map(({ record }) => record);
    },
    /** How many months are over for whoever keeps 35 days: two or three, whatever day it is. */
    async over() {
      const [{ months }] = await rows(
        `select count(*)::int as months from generate_series(1, $1::int) m
          where date_trunc('month', now() - make_interval(months => m - 1), 'UTC') <= retention_end(35)`,
        [MONTHS_BACK],
      );
      expect(months).toBeGreaterThanOrEqual(2);
      return months as number;
    },
    async close() {
      await audit.end();
      await admin.end();
      await database.drop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function writeHistory(
  rows: (sql: string, values?: unknown[]) => Promise<unknown>,
  tenant: string,
): Promise<void> {
  await rows(
    `select make_audit_month(now() - make_interval(months => m)) from generate_series(0, $1::int) m`,
    [MONTHS_BACK],
  );
  await rows('update audit_month set opened_at = starts where starts <= now()');
  await rows(
    `insert into audit_event (tenant_id, seq, id, kind, at, sealed_at, call_id, tool, arguments_hash, payload_erased_at, detail)
     select $1, $3 * ($2 - m) + i, 'evt_' || to_hex($3 * ($2 - m) + i) || 'x', case i % 2 when 1 then 'call' else 'outcome' end,
            month + make_interval(hours => i), month + make_interval(hours => i, secs => 1),
            'call_' || ($3 * ($2 - m) + i - 1) / 2, 'echo', 'hash', month, '{"text": "žluťoučký \\u2028 line"}'
       from generate_series(0, $2::int) m, generate_series(1, $3::int) i,
            lateral (select date_trunc('month', now() - make_interval(months => m), 'UTC') as month) x`,
    [tenant, MONTHS_BACK, EVENTS],
  );
  await rows(
    `insert into audit_span select $1, date_trunc('month', now() - make_interval(months => m), 'UTC'), $3 * ($2 - m) + 1
       from generate_series(0, $2::int) m`,
    [tenant, MONTHS_BACK, EVENTS],
  );
  const last = EVENTS * (MONTHS_BACK + 1);
  await rows(
    'insert into audit_head (tenant_id, next_seq, payloads_erased) values ($1, $2 + 1, $2)',
    [tenant, last],
  );
  await rows(
    `insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, $2, now(), 'UTC')`,
    [tenant, last],
  );
}

function poolThatEnds(db: Db, { at, nth }: { at: string; nth: number }): Db['pool'] {
  let calls = 0;
  const query = (text: string, values?: unknown[]) => {
    if (text.includes(`${at}(`) && ++calls >= nth) throw new Error('killed');
    return db.pool.query(text, values);
  };
  return new Proxy(db.pool, {
    get: (pool, key) => (key === 'query' ? query : Reflect.get(pool, key)),
  });
}
