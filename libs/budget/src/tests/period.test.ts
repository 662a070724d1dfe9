import { createDb, type Db } from '@conducktor/db';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { amountText } from '../amount.js';
import { accountId, accountOf, periodIndex, type BudgetPeriod } from '../period.js';

// Across a change of summer time, on both sides of the date line, with odd offsets.
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Pacific/Apia',
  'Pacific/Chatham',
];
const PERIODS: BudgetPeriod[] = ['day', 'week', 'month', 'rolling-30d'];

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

test('a moment lies in the same period for the gateway and for the database, which also agree where it begins', async () => {
  const moments = fc.record({
    at: fc.date({ min: new Date('2024-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
    zone: fc.constantFrom(...ZONES),
    period: fc.constantFrom(...PERIODS),
  });
  const drawn = fc.sample(moments, 2_000);
  const { rows } = await admin.pool.query<{ index: number; within: boolean | null }>(
    `select i.index, budget_period_start(u.period, i.index, u.zone) <= u.at
              and u.at < budget_period_start(u.period, i.index + 1, u.zone) as within
       from unnest($1::timestamptz[], $2::text[], $3::text[]) with ordinality u(at, zone, period, ord)
       cross join lateral (select budget_period_index(u.period, u.at, u.zone) as index) i order by u.ord`,
    [drawn.map((m) => m.at), drawn.map((m) => m.zone), drawn.map((m) => m.period)],
  );
  const wrong = drawn.filter(
    ({ at, zone, period }, i) =>
      rows[i]!.index !== periodIndex(period, at.getTime(), zone) ||
      rows[i]!.within !== (period === 'rolling-30d' ? null : true),
  );
  expect(wrong).toEqual([]);
});

test('an account id says its budget and its period', () => {
  const id = accountId(4_711, periodIndex('month', Date.UTC(2026, 10, 22), 'UTC'));
  expect(accountOf(id)).toEqual({ number: 4_711, index: 682 });
});

test('amounts read as people write them', () => {
  expect(amountText(100_000_000, 'USD')).toBe('$100');
  expect(amountText(250_000, 'EUR')).toBe('€0.25');
  expect(amountText(1_234_567_890, 'USD')).toBe('$1,234.56789');
});
