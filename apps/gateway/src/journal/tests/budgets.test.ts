// Budgets at the journal: reserved with the intent, charged with the outcome, at all levels or at none.
import { accountId, periodIndex } from '@conducktor/budget';
import { expect, test } from 'vitest';
import type { Admission, Intent, Settlement } from '../types.js';
import {
  admin,
  intent,
  killSession,
  openJournal,
  outcome,
  prepareJournals,
  tenantId,
  until,
} from './support.js';

prepareJournals();

let made = 0;
/** A budget changes what calls are decided on. */
let version: number;
/** A budget of this month; returns its account. */
async function budget(
  limitMicros: number,
  period: 'month' | 'rolling-30d' = 'month',
): Promise<number> {
  const { rows } = await admin.pool.query<{ number: string }>(
    `insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros)
     values ($1, $2, 'user', $2, $3, $4) returning number`,
    [tenantId, `bud_${made++}`, period, limitMicros],
  );
  const changed = await admin.pool.query(
    'select version from tenant_version where tenant_id = $1',
    [tenantId],
  );
  version = Number(changed.rows[0].version);
  return accountId(Number(rows[0]!.number), periodIndex(period, Date.now(), 'UTC'));
}
const priced = (reservedMicros: number, budgets: number[], more: Partial<Intent> = {}) =>
  intent({
    version,
    reservedMicros,
    budgets,
    record: JSON.stringify({
      at: new Date().toISOString(),
      tool: 'a',
      decision: 'allow',
      reservedMicros,
      budgets,
    }),
    ...more,
  });
const ends = (i: Intent, a: Admission, costMicros: number, more: Partial<Settlement> = {}) => ({
  ...outcome(i, a),
  costMicros,
  ...more,
});
const unknown = (i: Intent, a: Admission): Settlement => ({
  ...ends(i, a, 0),
  isUnknown: true,
  record: JSON.stringify({ at: new Date().toISOString(), outcome: 'unknown', durationMs: 1 }),
});
const held = async (account: number) => {
  const { rows } = await admin.pool.query(
    'select held_micros::int as held, spent_micros::int as spent from budget_account where id = $1',
    [account],
  );
  return rows[0] as { held: number; spent: number };
};
const verdicts = (admissions: Admission[]) => admissions.map((a) => a.verdict);

test('a call reserves at every budget, and is charged what it cost; the rest is free again', async () => {
  const journal = await openJournal();
  const [team, person] = [await budget(1_000), await budget(500)];
  const call = priced(300, [team, person]);
  const admission = await journal.admit(call);
  expect(admission.verdict).toBe('admitted');
  expect([await held(team), await held(person)]).toEqual(Array(2).fill({ held: 300, spent: 0 }));
  await journal.settle(ends(call, admission, 120));
  expect([await held(team), await held(person)]).toEqual(Array(2).fill({ held: 0, spent: 120 }));
  await journal.settle(ends(call, admission, 120));
  expect(await held(team)).toEqual({ held: 0, spent: 120 });
});

test('no call is charged more than it reserved', async () => {
  const journal = await openJournal();
  const account = await budget(1_000);
  const call = priced(300, [account]);
  await journal.settle(ends(call, await journal.admit(call), 900));
  expect(await held(account)).toEqual({ held: 0, spent: 300 });
});

test('of calls that come together as many are admitted as fit, and each refusal says what stood against it', async () => {
  const journal = await openJournal();
  const [wide, narrow] = [await budget(10_000), await budget(1_000)];
  const admissions = await Promise.all(
    Array.from({ length: 25 }, () => journal.admit(priced(90, [wide, narrow]))),
  );
  const refused = admissions.filter((a) => a.verdict === 'over-budget');
  expect(refused).toHaveLength(25 - 11);
  for (const refusal of refused)
    expect(refusal).toEqual({
      verdict: 'over-budget',
      account: narrow,
      limitMicros: 1_000,
      spentMicros: 0,
      heldMicros: 990,
    });
  expect([await held(wide), await held(narrow)]).toEqual(Array(2).fill({ held: 990, spent: 0 }));
  // What still fits is admitted.
  expect((await journal.admit(priced(10, [wide, narrow]))).verdict).toBe('admitted');
});

// Few accounts are changed one by one, many at once.
test.each([3, 8])(
  'two gateways on %i caps admit just what fits, whatever the order',
  async (caps) => {
    const [one, two] = [await openJournal('one'), await openJournal('two')];
    const accounts: number[] = [];
    for (let i = 0; i < caps; i++) accounts.push(await budget(i === 1 ? 20_000 : 100_000));
    const admissions = await Promise.all(
      Array.from({ length: 600 }, async (_, i) => {
        const journal = i % 2 === 0 ? one : two;
        const call = priced(100, i % 3 === 0 ? [...accounts].reverse() : accounts);
        const admission = await journal.admit(call);
        if (admission.verdict === 'admitted' && i % 5 === 0)
          await journal.settle(ends(call, admission, 0));
        return admission.verdict;
      }),
    );
    expect(new Set(admissions)).toEqual(new Set(['admitted', 'over-budget']));
    const { held: reserved } = await held(accounts[1]!);
    expect(reserved).toBeLessThanOrEqual(20_000);
    const admitted = admissions.flatMap((verdict, i) => (verdict === 'admitted' ? [i] : []));
    expect(admitted.length).toBeGreaterThanOrEqual(200);
    // What was settled for nothing need not have been had again: it may have come after the last call.
    expect(reserved).toBe(100 * admitted.filter((i) => i % 5 !== 0).length);
    for (const account of accounts)
      expect(await held(account)).toEqual({ held: reserved, spent: 0 });
  },
);

test('an unknown outcome stays held, until the service’s answer is heard after all', async () => {
  const journal = await openJournal();
  const account = await budget(1_000);
  const call = priced(400, [account]);
  const admission = await journal.admit(call);
  await journal.settle(unknown(call, admission));
  expect(await held(account)).toEqual({ held: 400, spent: 0 });
  await journal.settle(ends(call, admission, 150));
  expect(await held(account)).toEqual({ held: 0, spent: 150 });
  const { rows } = await admin.pool.query(
    "select record ->> 'costMicros' as cost from audit_outbox where record ->> 'callId' = $1",
    [call.callId],
  );
  expect(rows).toEqual([{ cost: '150' }]);
  await journal.settle(ends(call, admission, 150));
  expect(await held(account)).toEqual({ held: 0, spent: 150 });
});

test('what a service answers after all is heard although the session was lost before "unknown" was durable', async () => {
  const journal = await openJournal();
  const account = await budget(1_000);
  const call = priced(400, [account]);
  const admission = await journal.admit(call);
  const blocker = await admin.pool.connect();
  await blocker.query('begin');
  await blocker.query('lock table held_call in share mode');
  const lastEpoch = async () =>
    Number((await admin.pool.query('select max(id) as id from epoch')).rows[0].id);
  const epoch = await lastEpoch();
  const first = journal.settle(unknown(call, admission));
  await until(async () => {
    const { rows } = await admin.pool.query(
      "select from pg_locks where relation = 'held_call'::regclass and not granted",
    );
    return rows.length > 0;
  });
  await killSession();
  // Opened once the one before is lost.
  await until(async () => (await lastEpoch()) > epoch && journal.ready);
  const second = journal.settle(ends(call, admission, 150));
  await blocker.query('rollback');
  blocker.release();
  await Promise.all([first, second]);
  expect(await held(account)).toEqual({ held: 0, spent: 150 });
});

test('a call that attaches to another reserves nothing, and one that a budget refused leaves its key', async () => {
  const journal = await openJournal();
  const account = await budget(1_000);
  const idempotency = { hash: 'a'.repeat(63) + '1', argumentsHash: 'b' };
  const twins = await Promise.all(
    [0, 1].map(() => journal.admit(priced(600, [account], { idempotency }))),
  );
  expect(verdicts(twins).sort()).toEqual(['admitted', 'attached']);
  expect(await held(account)).toEqual({ held: 600, spent: 0 });
  const dear = { hash: 'a'.repeat(63) + '2', argumentsHash: 'b' };
  const refused = await Promise.all(
    [0, 1, 2].map(() => journal.admit(priced(600, [account], { idempotency: dear }))),
  );
  expect(verdicts(refused)).toEqual(['over-budget', 'over-budget', 'over-budget']);
  const { rows } = await admin.pool.query('select from idempotency_key where key_hash = $1', [
    dear.hash,
  ]);
  expect(rows).toEqual([]);
});

test('the calls of a lost gateway stay held, and are charged by who brings their outcomes', async () => {
  const journal = await openJournal();
  const account = await budget(10_000);
  const calls = [priced(100, [account]), priced(200, [account]), priced(400, [account])] as const;
  const [one, two, three] = await Promise.all(calls.map((call) => journal.admit(call)));
  await killSession();
  await until(() => journal.ready);
  await journal.settle(ends(calls[0], one!, 30));
  await journal.settle(ends(calls[1], two!, 0, { costMicros: 'reserved' }));
  await journal.settle(unknown(calls[2], three!));
  expect(await held(account)).toEqual({ held: 400, spent: 230 });
  await journal.settle(ends(calls[2], three!, 300));
  expect(await held(account)).toEqual({ held: 0, spent: 530 });
});

test('a rolling budget forgets what is older than its window, and nothing younger', async () => {
  const journal = await openJournal();
  const account = await budget(1_000, 'rolling-30d');
  const call = priced(700, [account]);
  await journal.settle(ends(call, await journal.admit(call), 700));
  expect((await journal.admit(priced(400, [account]))).verdict).toBe('over-budget');
  await admin.pool.query('update budget_hour set hour = hour - 720 where account_id = $1', [
    account,
  ]);
  expect((await journal.admit(priced(400, [account]))).verdict).toBe('over-budget');
  await admin.pool.query('update budget_hour set hour = hour - 1 where account_id = $1', [account]);
  expect((await journal.admit(priced(400, [account]))).verdict).toBe('admitted');
  expect(await held(account)).toEqual({ held: 400, spent: 0 });
});

test('another month than this is charged by nobody', async () => {
  const journal = await openJournal();
  const account = await budget(1_000);
  expect((await journal.admit(priced(1, [account + 1]))).verdict).toBe('no-account');
});
