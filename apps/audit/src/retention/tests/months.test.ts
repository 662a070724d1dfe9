import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Retention } from '../retention.js';

const EVENTS = 40;
const MONTHS_BACK = 4;

let database: TestDatabase;
let admin: Db;
let audit: Db;
let one: string;
let other: string;
let dir: string;

beforeEach(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { max: 2, statementTimeoutMs: 60_000 });
  audit = createDb(database.urlFor('conducktor_audit'), { max: 2 });
  one = (await seedWorkspace(admin)).tenantId;
  other = (await seedWorkspace(admin)).tenantId;
  for (const tenant of [one, other]) await history(tenant);
  dir = mkdtempSync(join(tmpdir(), 'conducktor-archive-'));
});
afterEach(async () => {
  await audit.end();
  await admin.end();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

const rows = async (sql: string, values: unknown[] = []) =>
  (await admin.pool.query(sql, values)).rows;

/** Calls with their outcomes, so many events in each of the last months and in this one, posted to the ledger. */
async function history(tenant: string): Promise<void> {
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
  await rows(`insert into money_cursor (tenant_id, posted_seq, zone) values ($1, $2, 'UTC')`, [
    tenant,
    last,
  ]);
}

const keep = (tenant: string, eventDays: number | null) =>
  rows('update tenant set payload_days = null, event_days = $2 where id = $1', [tenant, eventDays]);
const retention = (archiveDir?: string) =>
  new Retention({ db: audit, logger: createLogger('test', 'silent'), archiveDir });

/** How many months are kept, and the sequences, which must have no gaps. */
async function kept() {
  const [{ months }] = await rows(
    `select count(*)::int as months from pg_inherits where inhparent = 'audit_event'::regclass
        and inhrelid::regclass::text <= 'audit_event_' || to_char(now() at time zone 'UTC', 'YYYY_MM')`,
  );
  const of = async (tenant: string) => {
    const [{ first, last, events }] = await rows(
      `select min(seq)::int as first, max(seq)::int as last, count(*)::int as events from audit_event where tenant_id = $1`,
      [tenant],
    );
    expect(events, 'a gap').toBe(last - first + 1);
    return first;
  };
  return { months, one: await of(one), other: await of(other) };
}
const records = async (tenant: string) =>
  (
    await rows(
      `select record from audit_outbox where tenant_id = $1 and record->>'action' = 'retention.events' order by id`,
      [tenant],
    )
  ).map(({ record }) => record);
/** Two months are over for whoever keeps 35 days, whatever day it is: the third may be. */
const over = async () => {
  const [{ months }] = await rows(
    `select count(*)::int as months from generate_series(1, $1::int) m
      where date_trunc('month', now() - make_interval(months => m - 1), 'UTC') <= retention_end(35)`,
    [MONTHS_BACK],
  );
  return months as number;
};

describe('months of events', () => {
  it('go at once when no workspace keeps them any longer, and usage stays', async () => {
    await keep(one, 35);
    await keep(other, 35);
    await rows(
      `insert into usage_day values ($1, '2020-01-01', gen_random_uuid(), 1, 0, 0, 5, 0, 0)`,
      [one],
    );
    const gone = await over();
    expect(gone).toBeGreaterThanOrEqual(2);
    expect(await retention().round()).toBe(gone);
    const first = gone * EVENTS + 1;
    expect(await kept()).toEqual({ months: MONTHS_BACK + 1 - gone, one: first, other: first });
    expect(await records(one)).toEqual(
      Array.from({ length: gone }, (_, month) =>
        expect.objectContaining({
          actor: 'retention',
          deleted: EVENTS,
          fromSeq: month * EVENTS + 1,
          toSeq: (month + 1) * EVENTS,
        }),
      ),
    );
    expect(await rows('select cost_micros::int as cost from usage_day')).toEqual([{ cost: 5 }]);
    expect(await retention().round()).toBe(0);
  });

  it('stay for those who keep them longer, without the events of those who do not', async () => {
    await keep(one, 35);
    await keep(other, null);
    const gone = await over();
    // In several batches.
    expect(await retention().round(EVENTS - 1)).toBe(gone * EVENTS);
    expect(await kept()).toEqual({ months: MONTHS_BACK + 1, one: gone * EVENTS + 1, other: 1 });
    expect(await records(one)).toHaveLength(gone);
    expect(await records(other)).toEqual([]);
    // Then nobody does, and there is nothing of the first workspace to go.
    await keep(other, 35);
    await retention().round();
    expect(await kept()).toMatchObject({
      months: MONTHS_BACK + 1 - gone,
      other: gone * EVENTS + 1,
    });
    expect(await records(one)).toHaveLength(gone);
    expect(await records(other)).toHaveLength(gone);
  });

  it('wait until the ledger has what is in them, and until their arguments are erased', async () => {
    await keep(one, 35);
    await keep(other, 35);
    await rows('update money_cursor set posted_seq = $2 where tenant_id = $1', [other, EVENTS - 1]);
    const gone = await over();
    await retention().round();
    expect(await kept()).toEqual({ months: MONTHS_BACK + 1, one: gone * EVENTS + 1, other: 1 });
    await rows('update money_cursor set posted_seq = $2 where tenant_id = $1', [other, EVENTS]);
    await retention().round();
    expect(await kept()).toMatchObject({ months: MONTHS_BACK, other: EVENTS + 1 });
    await rows('update money_cursor set posted_seq = posted_seq + 1000');
    await rows('update audit_head set payloads_erased = $1', [EVENTS]);
    expect(await rows('select tenant_id from leaving_events()')).toEqual([]);
  });

  it('are exported first: every event once, as the manifest says, without arguments', async () => {
    await keep(one, 35);
    await keep(other, null);
    await rows(`update audit_event set arguments_sealed = 'secret' where tenant_id = $1`, [one]);
    const before = await rows(
      `select seq::int, id, kind, at, call_id as "callId", detail from audit_event where tenant_id = $1 order by seq`,
      [one],
    );
    await retention(dir).round(7);
    const gone = await over();
    expect(await kept()).toMatchObject({ one: gone * EVENTS + 1, other: 1 });
    const exported = [];
    for (const record of await records(one)) {
      const file = readFileSync(join(dir, record.archive.file));
      const manifest = JSON.parse(
        readFileSync(
          join(dir, record.archive.file.replace('.ndjson.gz', '.manifest.json')),
          'utf8',
        ),
      );
      expect(manifest).toEqual({
        format: 1,
        workspace: one,
        month: record.month,
        fromSeq: record.fromSeq,
        toSeq: record.toSeq,
        file: record.archive.file,
        events: EVENTS,
        bytes: file.length,
        sha256: createHash('sha256').update(file).digest('hex'),
      });
      expect(record.archive).toMatchObject({ sha256: manifest.sha256, events: EVENTS });
      const text = gunzipSync(file).toString();
      expect(text).not.toContain('secret');
      exported.push(
        ...text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    }
    expect(exported).toHaveLength(gone * EVENTS);
    expect(
      exported.map(({ seq, id, kind, at, callId, detail }) => ({
        seq,
        id,
        kind,
        at: new Date(at),
        callId,
        detail,
      })),
    ).toEqual(before.slice(0, gone * EVENTS));
  });

  it('that cannot be exported are kept, and others go', async () => {
    await keep(one, 35);
    await keep(other, 35);
    // A hole: the export would not be whole.
    await rows('delete from audit_event where tenant_id = $1 and seq = 3', [one]);
    await retention(dir).round();
    const [{ events }] = await rows(
      'select count(*)::int as events from audit_event where seq <= $1',
      [EVENTS],
    );
    expect(events).toBe(2 * EVENTS - 1);
    expect(await records(one)).toEqual([]);
    expect(
      readdirSync(dir, { recursive: true }).filter((name) => String(name).includes(`${one}-`)),
    ).toEqual([]);
    // A place that cannot be written to.
    writeFileSync(join(dir, 'file'), '');
    await retention(join(dir, 'file')).round();
    expect((await kept().catch(() => ({ months: -1 }))).months).toBe(-1);
    expect(await records(other)).toHaveLength(0);
  });

  it('lose nothing whoever dies between exporting, noting it, detaching and dropping', async () => {
    await keep(one, 35);
    await keep(other, 35);
    const gone = await over();
    const first = gone * EVENTS + 1;
    // Dead while it wrote the first.
    const dead = new Retention({
      db: { ...audit, pool: poolThatEnds(audit, 'leaving_page', 2) },
      logger: createLogger('test', 'silent'),
      archiveDir: dir,
    });
    await dead.round();
    expect(await kept()).toMatchObject({ months: MONTHS_BACK + 1, one: 1, other: 1 });
    // Dead when it had written them all and noted none.
    const mute = { ...audit, pool: poolThatEnds(audit, 'note_archive', 1) };
    await new Retention({
      db: mute,
      logger: createLogger('test', 'silent'),
      archiveDir: dir,
    }).round();
    expect(await kept()).toMatchObject({ months: MONTHS_BACK + 1, one: 1, other: 1 });
    const written = await hashes();
    // Dead when the first was detached and not dropped.
    const clinging = { ...audit, pool: poolThatEnds(audit, 'drop_detached_month', 2) };
    await expect(
      new Retention({
        db: clinging,
        logger: createLogger('test', 'silent'),
        archiveDir: dir,
      }).round(),
    ).rejects.toThrow('killed');
    expect(await kept()).toMatchObject({ months: MONTHS_BACK, one: EVENTS + 1, other: EVENTS + 1 });
    const detached = `select count(*)::int as tables from pg_class where relname ~ '^audit_event_2' and relkind = 'r' and not relispartition`;
    expect(await rows(detached)).toEqual([{ tables: 1 }]);

    await retention(dir).round();
    expect(await kept()).toEqual({ months: MONTHS_BACK + 1 - gone, one: first, other: first });
    expect(await rows(detached)).toEqual([{ tables: 0 }]);
    for (const tenant of [one, other]) {
      const all = await records(tenant);
      expect(all.map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual(
        Array.from({ length: gone }, (_, month) => [month * EVENTS + 1, (month + 1) * EVENTS]),
      );
      const now = await hashes();
      for (const { archive } of all) expect(now.get(archive.file)).toBe(archive.sha256);
    }
    // Written twice, they were alike.
    const now = await hashes();
    for (const [file, hash] of written) expect(now.get(file), file).toBe(hash);
    expect([...now.keys()].filter((file) => file.includes('.part'))).toEqual([]);
  });

  it('go on leaving where removing them ended, also for who keeps them longer since', async () => {
    await keep(one, 35);
    await keep(other, null);
    const dead = { ...audit, pool: poolThatEnds(audit, 'remove_events', 3) };
    const logger = createLogger('test', 'silent');
    await expect(new Retention({ db: dead, logger }).round(7)).rejects.toThrow('killed');
    expect(await kept()).toMatchObject({ one: 15, other: 1 });
    expect(await records(one)).toMatchObject([{ fromSeq: 1, toSeq: EVENTS, deleted: EVENTS }]);
    await keep(one, null);
    await retention().round(7);
    // What was on record has left, and no more.
    expect(await kept()).toMatchObject({ one: EVENTS + 1, other: 1 });
    expect(await records(one)).toHaveLength(1);
  });

  it('wait for who reads them, and let others read meanwhile', async () => {
    await keep(one, 35);
    await keep(other, 35);
    const reader = await admin.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from audit_event');
    const round = retention().round();
    // It has tried and given way: nobody waits for its lock for longer than it asks.
    await expect
      .poll(
        () =>
          rows(`select 1 from pg_stat_activity where query like '%retire_audit_month%' and wait_event_type = 'Lock'
                           and datname = current_database() and pid <> pg_backend_pid()`),
        { interval: 20, timeout: 20_000 },
      )
      .toHaveLength(1);
    const began = performance.now();
    await rows('select count(*) from audit_event');
    // It asks for 300 ms at a time; the rest is room for a busy machine.
    expect(performance.now() - began).toBeLessThan(3_000);
    await reader.query('commit');
    reader.release();
    expect(await round).toBe(await over());
  });

  it('of before there were months go by the times of their events', async () => {
    await rows('truncate audit_event, audit_span');
    // All of it counts as sealed when the months began.
    await rows(
      `insert into audit_event (tenant_id, seq, id, kind, at, call_id)
       select $1, i, 'evt_' || to_hex(i) || 'x', 'call', now() - make_interval(days => 100 - i), 'call_' || i
         from generate_series(1, 100) i`,
      [one],
    );
    await rows(`update audit_month set by_at = true where starts <= now() and ends > now()`);
    await rows(`insert into audit_span select $1, starts, 1 from audit_month where by_at`, [one]);
    await rows('update audit_head set next_seq = 101, payloads_erased = 100');
    await keep(one, 35);
    await retention(dir).round(9);
    const [{ first, ends, expected }] = await rows(
      `select (select min(seq)::int from audit_event) as first,
              (select min(date_trunc('month', at, 'UTC') + interval '1 month') from audit_event) > retention_end(35) as ends,
              (select count(*)::int + 1 from generate_series(1, 100) i
                where date_trunc('month', now() - make_interval(days => 100 - i), 'UTC') + interval '1 month' <= retention_end(35)) as expected`,
    );
    expect({ first, ends }).toEqual({ first: expected, ends: true });
    expect(first).toBeGreaterThan(30);
    const all = await records(one);
    expect(all.map(({ fromSeq }) => fromSeq)).toEqual([
      1,
      ...all.slice(0, -1).map(({ toSeq }) => toSeq + 1),
    ]);
    expect(all.at(-1).toSeq).toBe(first - 1);
    expect(all.every(({ archive, deleted }) => archive.events === deleted)).toBe(true);
  });
});

/** Dies at the nth time that a function is called. */
function poolThatEnds(db: Db, name: string, nth: number): Db['pool'] {
  let calls = 0;
  const query = (text: string, values?: unknown[]) => {
    if (text.includes(`${name}(`) && ++calls >= nth) throw new Error('killed');
    return db.pool.query(text, values);
  };
  return new Proxy(db.pool, {
    get: (pool, key) => (key === 'query' ? query : Reflect.get(pool, key)),
  });
}

async function hashes(): Promise<Map<string, string>> {
  const names = readdirSync(dir, { recursive: true })
    .map(String)
    .filter((name) => /\.gz|\.part/.test(name));
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dir, name)))
        .digest('hex'),
    ]),
  );
}
