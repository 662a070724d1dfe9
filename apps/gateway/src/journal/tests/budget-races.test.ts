// Several gateways and people at the same accounts at the same moment, when accounts are new above all.
import { accountId, periodIndex, type BudgetPeriod } from '@conducktor/budget';
import { newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admission } from '../types.js';
import {
  admin,
  count,
  database,
  intent,
  openJournal,
  outcome,
  prepareJournals,
  tenantId,
  until,
} from './support.js';

const SEED = Number(process.env['MONEY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
let state = SEED;
const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;

prepareJournals();
let app: Db;
beforeAll(() => {
  app = createDb(database.urlFor('conducktor_app'), { max: 2 });
});
afterAll(() => app.end());

interface Made {
  id: string;
  account: number;
}
async function budgets(
  limits: readonly number[],
  period: BudgetPeriod = 'month',
): Promise<{ made: Made[]; version: number }> {
  const ids = limits.map(() => newId('bud'));
  const { rows } = await admin.pool.query<{ id: string; number: string }>(
    `insert into budget (tenant_id, id, scope_kind, period, limit_micros)
     select $1, id, 'tenant', $4, cap from unnest($2::text[], $3::bigint[]) u(id, cap)
     returning id, number`,
    [tenantId, ids, limits, period],
  );
  const index = periodIndex(period, Date.now(), 'UTC');
  return {
    made: rows.map(({ id, number }) => ({ id, account: accountId(Number(number), index) })),
    version: await count('select version n from tenant_version where tenant_id = $1', [tenantId]),
  };
}

test('a cap that changes while its account is being made is the cap of that account', async () => {
  const journal = await openJournal();
  for (const [from, to] of [
    [1_000, 100],
    [100, 1_000],
  ] as const) {
    const { made, version } = await budgets([from]);
    const { id, account } = made[0]!;
    const call = intent({ version, reservedMicros: 500, budgets: [account] });
    let coming: Promise<Admission>;
    await app.withTenant(tenantId, async (tx) => {
      await tx.query('update budget set limit_micros = $2 where id = $1', [id, to]);
      await tx.query('select apply_budget_limit($1)', [id]);
      // Decided before it: it comes now, while the change is not committed yet.
      coming = journal.admit(call);
      const waits =
        "select count(*) n from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'conducktor journal%'";
      await Promise.race([coming, until(async () => (await count(waits)) > 0)]);
    });
    expect((await coming!).verdict).not.toBe('no-account');
    const cap = 'select limit_micros n from budget_account where id = $1';
    expect(await count(cap, [account])).toBe(to);
  }
});

test(`gateways that make the same accounts at once refuse no call for it (MONEY_SEED=${SEED})`, async () => {
  const journals = await Promise.all(['a', 'b', 'c'].map((name) => openJournal(name)));
  for (let round = 0; round < 15; round++) {
    const { made, version } = await budgets(Array(12).fill(1_000_000));
    const admitting: Promise<Admission>[] = [];
    const calls = Array.from({ length: 90 }, () =>
      intent({
        version,
        reservedMicros: 1 + Math.floor(random() * 50),
        budgets: made.filter(() => random() < 0.3).map(({ account }) => account),
      }),
    );
    for (const [at, call] of calls.entries()) {
      admitting.push(journals[at % 3]!.admit(call));
      if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, random() * 4));
    }
    const admissions = await Promise.all(admitting);
    expect([...new Set(admissions.map(({ verdict }) => verdict))]).toEqual(['admitted']);
    await Promise.all(
      calls.map((call, at) =>
        journals[at % 3]!.settle({ ...outcome(call, admissions[at]!), costMicros: 'reserved' }),
      ),
    );
    const { rows } = await admin.pool.query(
      'select id::float8 as account, held_micros::int as held, spent_micros::int as spent from budget_account where id = any($1) order by id',
      [made.map(({ account }) => account)],
    );
    const expected = made
      .map(({ account }) => {
        const charged = calls.filter(({ budgets: named }) => named!.includes(account));
        return {
          account,
          held: 0,
          spent: charged.reduce((sum, { reservedMicros }) => sum + reservedMicros, 0),
        };
      })
      .filter(({ account }) => calls.some(({ budgets: named }) => named!.includes(account)))
      .sort((a, b) => a.account - b.account);
    expect(rows).toEqual(expected);
  }
});

test('what is left of a cap is had by one of those that come at the same moment', async () => {
  const journals = await Promise.all(['a', 'b', 'c'].map((name) => openJournal(name)));
  const admitted: number[] = [];
  const { made, version } = await budgets(Array(80).fill(10));
  for (const { account } of made) {
    const call = (reservedMicros: number) =>
      intent({ version, reservedMicros, budgets: [account] });
    // Now there is an account.
    await journals[0]!.admit(call(1));
    const said = await Promise.all(journals.map((journal) => journal.admit(call(5))));
    admitted.push(said.filter(({ verdict }) => verdict === 'admitted').length);
  }
  expect(admitted).toEqual(made.map(() => 1));
});

test('a tick that settles late waits for no account that was made while it did: nobody waits in a circle', async () => {
  const [one, other] = [await openJournal('a'), await openJournal('b')];
  const { made, version } = await budgets([1_000, 1_000]);
  const [fresh, there] = made.map(({ account }) => account).sort((a, b) => a - b) as [
    number,
    number,
  ];
  const call = (accounts: number[]) => intent({ version, reservedMicros: 100, budgets: accounts });
  const lost = call([there]);
  const admission = await one.admit(lost);
  await one.settle({
    ...outcome(lost, admission),
    isUnknown: true,
    record: JSON.stringify({ at: new Date().toISOString(), outcome: 'unknown', durationMs: 1 }),
  });
  const waiting = (n: number) =>
    until(
      async () =>
        (await count(
          "select count(*) n from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'conducktor journal%'",
        )) === n,
    );
  const blocker = await admin.pool.connect();
  await blocker.query('begin');
  await blocker.query('select from held_call where call_id = $1 for update', [lost.callId]);
  const settled = one.settle({ ...outcome(lost, admission), costMicros: 30 });
  const first = one.admit(call([fresh]));
  await waiting(1);
  expect((await other.admit(call([fresh]))).verdict).toBe('admitted');
  const second = other.admit(call([fresh, there]));
  await waiting(2);
  await blocker.query('rollback');
  blocker.release();
  const [, ...said] = await Promise.all([settled, first, second]);
  expect(said.map(({ verdict }) => verdict)).toEqual(['admitted', 'admitted']);
});
