import type { UsageDimension } from '@conducktor/contracts';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db } from '../db.js';
import { histogramOf, percentileOf } from '../queries/usage-durations.js';
import { readUsage } from '../queries/usage.js';

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-03-27T00:00:00Z');
// The clocks of Berlin go forward in these days.
const HOURS = 72;
const CALLS = 600;

let database: TestDatabase;
let admin: Db;
let tenantId: string;
const seed = Number(process.env['SEED'] ?? Date.now() % 100_000);
const random = randomFrom(seed);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { max: 2 });
  const workspace = await seedWorkspace(admin);
  tenantId = workspace.tenantId;
  const rows: unknown[] = [];
  let seq = 0;
  for (let i = 0; i < CALLS; i++) {
    // Many lie at the edges of hours.
    const at = new Date(START + Math.floor(random() * HOURS * 4) * (HOUR_MS / 4) - pick([0, 0, 1]));
    const dims = {
      at: at.toISOString(),
      member_id: pick([workspace.member.memberId, workspace.owner.memberId, null]),
      client_id: pick(['chatgpt', 'cursor']),
      connection: pick(['crm', 'wiki', null]),
      tool: pick(['find', 'read', 'write']),
    };
    if (random() < 0.2) {
      rows.push({
        seq: ++seq,
        kind: 'denial',
        ...dims,
        code: pick(['policy_denied', 'budget_exceeded']),
        detail: pick([{}, { repeated: 3 }]),
      });
      continue;
    }
    const reserved = pick([0, 0, 500, 12_345]);
    const call_id = `call_${i}`;
    const detail = reserved > 0 ? { reservedMicros: reserved, budgets: [65536] } : {};
    rows.push({ seq: ++seq, kind: 'call', ...dims, call_id, detail });
    if (random() < 0.05) continue;
    const outcome = pick(['ok', 'ok', 'error', 'timeout', 'unknown', 'cancelled']);
    const cost_micros = outcome === 'unknown' ? 0 : Math.floor(random() * reserved);
    rows.push({
      seq: ++seq,
      kind: 'outcome',
      at: dims.at,
      call_id,
      outcome,
      cost_micros,
      duration_ms: random() * 2_000,
      detail: {},
    });
  }
  await admin.pool.query(
    `insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, client_id, connection, tool, code, outcome,
                              cost_micros, duration_ms, detail)
     select $1, seq, 'evt_' || to_hex(seq) || 'x', kind, at, call_id, member_id, client_id, connection, tool, code, outcome,
            coalesce(cost_micros, 0), duration_ms, detail
       from jsonb_to_recordset($2) as e(seq bigint, kind text, at timestamptz, call_id text, member_id text, client_id text,
            connection text, tool text, code text, outcome text, cost_micros bigint, duration_ms float8, detail jsonb)`,
    [tenantId, JSON.stringify(rows)],
  );
  await admin.pool.query('insert into audit_head (tenant_id, next_seq) values ($1, $2)', [
    tenantId,
    seq + 1,
  ]);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

async function zoneIs(zone: string): Promise<void> {
  await admin.pool.query('update tenant set zone = $2 where id = $1', [tenantId, zone]);
  // Days of before are made out of hours, whose edges are not those of this zone: as if it had always been it.
  if (zone === 'Asia/Kolkata')
    await admin.pool.query(
      'truncate money_cursor, usage_hour, usage_day, usage_connection_hour, ledger_entry',
    );
  // A change of the workspace is recorded, and posting what is recorded counts its days anew.
  await admin.pool.query(
    `with head as (update audit_head set next_seq = next_seq + 1 where tenant_id = $1 returning next_seq - 1 as seq)
     insert into audit_event (tenant_id, seq, id, kind, at) select $1, seq, 'evt_' || to_hex(seq) || 'x', 'control', now() from head`,
    [tenantId],
  );
  const billing = createDb(database.urlFor('conducktor_billing'), { max: 1 });
  while ((await billing.pool.query('select posted from post_money(300)')).rows[0].posted > 0);
  await billing.end();
}

const KEYS: Partial<Record<UsageDimension, string>> = {
  connection: 'c.connection',
  tool: 'c.tool',
  client: 'c.client_id',
  decision: "case c.kind when 'call' then 'allowed' else c.code end",
  day: "to_char(c.at at time zone $4, 'YYYY-MM-DD')",
  hour: `to_char(date_trunc('hour', c.at at time zone $4), 'YYYY-MM-DD"T"HH24:MI')`,
};

/** The same out of single events, as plainly as can be. */
async function counted(groupBy: readonly UsageDimension[], since: Date, until: Date, zone: string) {
  const columns = groupBy.map((name) => `${KEYS[name]} as "${name}", `).join('');
  const keys = groupBy.map((_name, index) => String(index + 1)).join(', ');
  const { rows } = await admin.pool.query(
    `select ${columns} count(*) filter (where c.kind = 'call')::float8 as calls,
            count(*) filter (where o.outcome in ('error', 'timeout', 'unavailable', 'unknown'))::float8 as errors,
            coalesce(sum(coalesce((c.detail ->> 'repeated')::int, 1)) filter (where c.kind = 'denial'), 0)::float8 as denied,
            coalesce(sum(o.cost_micros), 0)::float8 as cost,
            coalesce(sum((c.detail ->> 'reservedMicros')::int) filter (where o.outcome is null or o.outcome = 'unknown'), 0)::float8 as held,
            percentile_disc(0.5) within group (order by o.duration_ms) as p50,
            percentile_disc(0.95) within group (order by o.duration_ms) as p95
       from audit_event c left join audit_event o on o.tenant_id = $1 and o.call_id = c.call_id and o.kind = 'outcome' and c.kind = 'call'
      where c.tenant_id = $1 and c.kind in ('call', 'denial') and c.at >= $2 and c.at < $3 and $4::text is not null
      group by ${keys} order by ${keys}`,
    [tenantId, since, until, zone],
  );
  return rows;
}

describe('usage', () => {
  it.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata'])(
    'of any span and zone is what its events and the ledger say, in a workspace in %s',
    async (own) => {
      await zoneIs(own);
      const spans = Array.from({ length: 25 }, () => {
        const edge = () =>
          START + Math.floor(random() * HOURS * 12 - 60) * (HOUR_MS / 12) - pick([0, 0, 0, 1]);
        const [from, to] = [edge(), edge()].sort((a, b) => a - b);
        return {
          since: new Date(from!),
          until: new Date(random() < 0.2 ? Date.now() + 1_000 : to! + 1),
          zone: pick([undefined, 'UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York']),
          groupBy: pick<UsageDimension[]>([
            ['day'],
            ['hour'],
            ['connection'],
            ['tool', 'day'],
            ['decision', 'client'],
          ]),
        };
      });
      for (const { since, until, zone, groupBy } of spans) {
        const said = `SEED=${seed} ${since.toISOString()} ${until.toISOString()} ${zone} ${groupBy.join()}`;
        const all = {
          connection: undefined,
          tool: undefined,
          member: undefined,
          client: undefined,
        };
        const usage = await admin.withTenant(tenantId, (tx) =>
          readUsage(tx, { groupBy, since, until, zone, ...all, limit: 5_000 }),
        );
        const expected = await counted(groupBy, since, until, zone ?? own);
        expect(
          usage.groups.map(({ p50Ms: _, p95Ms: __, costMicros, heldMicros, ...row }) => ({
            ...row,
            cost: Number(costMicros),
            held: Number(heldMicros),
          })),
          said,
        ).toEqual(expected.map(({ p50: _, p95: __, ...row }) => row));
        for (const [index, { p50Ms, p95Ms }] of usage.groups.entries())
          for (const [is, exact] of [
            [p50Ms, expected[index].p50],
            [p95Ms, expected[index].p95],
          ])
            if (exact === null) expect(is, said).toBeNull();
            else expect(Math.abs(is / exact - 1), said).toBeLessThan(exact > 0.1 ? 0.05 : Infinity);
        const sum = (name: string) => expected.reduce((total, row) => total + row[name], 0);
        expect(usage.total, said).toMatchObject({
          calls: sum('calls'),
          denied: sum('denied'),
          costMicros: BigInt(sum('cost')),
        });
      }
    },
  );

  it('of hours whose single calls are gone is of whole hours, and says so', async () => {
    await zoneIs('UTC');
    const [since, until] = ['2026-03-28T10:20:00Z', '2026-03-29T14:40:00Z'].map(
      (at) => new Date(at),
    );
    const hours = [new Date('2026-03-28T10:00:00Z'), new Date('2026-03-29T15:00:00Z')] as const;
    const expected = await counted(['tool'], ...hours, 'UTC');
    await admin.pool.query('delete from audit_event where tenant_id = $1 and kind <> $2', [
      tenantId,
      'control',
    ]);
    const usage = await admin.withTenant(tenantId, (tx) =>
      readUsage(tx, {
        groupBy: ['tool'],
        since: since!,
        until: until!,
        zone: 'UTC',
        limit: 9,
        connection: undefined,
        tool: undefined,
        member: undefined,
        client: undefined,
      }),
    );
    expect([usage.since, usage.until]).toEqual(hours);
    expect(usage.groups.map(({ tool, calls }) => [tool, calls])).toEqual(
      expected.map(({ tool, calls }) => [tool, calls]),
    );
  });
});

it('tells durations within five per cent', () => {
  for (let i = 0; i < 2_000; i++) {
    const ms = 0.1 * 1.1 ** (random() * 190);
    const bucket = Math.ceil(Math.log(ms / 0.1) / Math.log(1.1));
    const told = percentileOf(histogramOf(String(10n ** BigInt(12 * bucket))), 0.5)!;
    expect(Math.abs(told / ms - 1), `SEED=${seed} ${ms}`).toBeLessThan(0.05);
  }
  expect(histogramOf(String(7n + 5n * 10n ** 24n))).toEqual([7, 0, 5]);
  expect(percentileOf(histogramOf('0'), 0.5)).toBeNull();
});

/** mulberry32 */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}
