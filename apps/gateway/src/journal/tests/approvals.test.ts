import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@conducktor/contracts';
import { createDb } from '@conducktor/db';
import { seedWorkspace } from '@conducktor/testing';
import { expect, test } from 'vitest';
import {
  admin,
  count,
  database,
  intent,
  killSession,
  openJournal,
  outcome,
  prepareJournals,
  tenantId,
  until,
} from './support.js';

prepareJournals();

const BOUND = [
  'tool-1',
  'd0',
  'write',
  '1',
  'a0',
  '7',
  'mem_1',
  'key:key_1',
  'a client "with" \\ signs',
];

/** A request of that binding, and what the gateway names of it. */
async function request(status: string, more: Record<string, unknown> = {}) {
  const id = newId('apr');
  const [
    tool_id,
    definition_hash,
    tool_class,
    connection_revision,
    arguments_hash,
    policy_version,
  ] = BOUND;
  const row = {
    tenant_id: tenantId,
    id,
    status,
    member_id: BOUND[6],
    client_id: BOUND[8],
    credential: BOUND[7],
    scopes: '{}',
    tool_id,
    tool: 'crm_delete',
    connection_id: 'con_1',
    connection: 'crm',
    connection_revision,
    definition_hash,
    tool_class,
    arguments_hash: `${arguments_hash}`,
    arguments_sealed: Buffer.alloc(1),
    policy_version,
    demands: '[]',
    on_approval: 'run',
    expires_at: new Date(Date.now() + 60_000),
    ...more,
  };
  const columns = Object.keys(row);
  await admin.pool.query(
    `insert into approval_request (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(row),
  );
  return { id, bound: BOUND.join(' ') };
}
const stateOf = async (id: string) =>
  (
    await admin.pool.query(
      "select status, call_id, outcome, result_until > now() + interval '59 minutes' as kept, done_at from approval_request where id = $1",
      [id],
    )
  ).rows[0];
const end = () =>
  admin.pool.query(
    "update approval_request set status = 'void', call_id = null where status <> 'done'",
  );

test('of 100 calls that bring the same approval to two gateways, one is written', async () => {
  const journals = [await openJournal('one'), await openJournal('two')];
  const approval = await request('approved');
  const calls = Array.from({ length: 100 }, () => intent({ approval }));
  // Many at once and many after each other: within a tick, in ticks of both at the same time, in later ones.
  const admissions = await Promise.all(
    calls.map(async (call, i) => {
      await pause(2 * (i >> 2));
      return journals[i % 2]!.admit(call);
    }),
  );
  const written = calls.filter((_, i) => admissions[i]!.verdict === 'admitted');
  expect(written).toHaveLength(1);
  expect(admissions.filter(({ verdict }) => verdict === 'not-approved')).toHaveLength(99);
  expect(await stateOf(approval.id)).toMatchObject({
    status: 'running',
    call_id: written[0]!.callId,
  });
  await end();
});

test('an approval is not used by a call that differs in anything it was given for', async () => {
  const journal = await openJournal();
  const approval = await request('approved');
  for (const index of BOUND.keys()) {
    const bound = BOUND.map((part, i) => (i === index ? `${part}x` : part)).join(' ');
    expect(await journal.admit(intent({ approval: { ...approval, bound } }))).toEqual({
      verdict: 'not-approved',
    });
  }
  expect((await journal.admit(intent({ approval }))).verdict).toBe('admitted');
  await end();
});

test("what is pending, rejected, run out or somebody else's is not used", async () => {
  const journal = await openJournal();
  const expired = { expires_at: new Date(Date.now() - 1) };
  for (const approval of [
    await request('pending'),
    await request('rejected', { tool_id: 'b' }),
    await request('approved', { ...expired, tool_id: 'tool-1', member_id: 'mem_2' }),
  ])
    expect(await journal.admit(intent({ approval }))).toEqual({ verdict: 'not-approved' });
  await end();
  const approval = await request('approved');
  const key = { hash: approval.id, argumentsHash: 'a' };
  expect(await journal.admit(intent({ approval, version: 1_000, idempotency: key }))).toEqual({
    verdict: 'stale',
  });
  expect(await stateOf(approval.id)).toMatchObject({ status: 'approved' });
  // Neither it nor the key was taken by the one that was refused.
  expect((await journal.admit(intent({ approval, idempotency: key }))).verdict).toBe('admitted');
  await end();
});

/** The key under which the answer to the call of this approval is kept. */
const answerKey = (approval: { id: string }) => hash('sha256', `approval/${approval.id}`, 'hex');

test('the approval ends with the outcome of its call, and a result that there is is kept for an hour', async () => {
  const journal = await openJournal();
  for (const isThere of [true, false]) {
    const approval = await request('approved');
    const key = answerKey(approval);
    const call = intent({ approval, idempotency: { hash: key, argumentsHash: 'a' } });
    const settlement = outcome(call, await journal.admit(call));
    // Without: a worker handed the outcome over that its dead gateway had the answer of.
    await journal.settle({ ...settlement, ...(isThere && { answer: { hash: key, sealed: 'x' } }) });
    expect(await stateOf(approval.id)).toMatchObject({
      status: 'done',
      outcome: 'ok',
      kept: isThere || null,
    });
  }
  // The same may be asked again.
  await request('pending');
  await end();
});

test('no tick waits for a request that somebody else holds: its end is written when it is free', async () => {
  const journal = await openJournal();
  const approval = await request('approved');
  const call = intent({ approval });
  const settlement = outcome(call, await journal.admit(call));
  const holder = await admin.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from approval_request where id = $1 for update', [approval.id]);
    // Both would wait for as long as it is held, and every other call of this gateway with them.
    await journal.settle(settlement);
    expect((await journal.admit(intent())).verdict).toBe('admitted');
    await admin.pool.query('select due_approvals(10, false)');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  expect(await stateOf(approval.id)).toMatchObject({ status: 'running', call_id: call.callId });
  await admin.pool.query('select due_approvals(10, false)');
  expect(await stateOf(approval.id)).toMatchObject({ status: 'done', outcome: 'ok' });
  expect(await count('select count(*) as n from approval_end')).toBe(0);
});

test('due calls are named by turns, so that many of one workspace keep no other waiting', async () => {
  const other = await seedWorkspace(admin);
  const at = (second: number) => ({ decided_at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)) });
  for (const n of [1, 2, 3]) await request('approved', { ...at(n), tool_id: `t${n}` });
  const late = await request('approved', { ...at(50), tenant_id: other.tenantId });
  const { rows } = await admin.pool.query('select id from due_approvals(2, false)');
  expect(rows.map(({ id }) => id)).toContain(late.id);
  await end();
});

test('a call that was lost with its gateway ends its approval as unknown, which nothing is kept of', async () => {
  const journal = await openJournal();
  const approval = await request('approved');
  const call = intent({ approval, deadlineMs: Date.now() - 60_000 });
  expect((await journal.admit(call)).verdict).toBe('admitted');
  await killSession();
  await until(async () => (await stateOf(approval.id)).status === 'done');
  expect(await stateOf(approval.id)).toMatchObject({
    status: 'done',
    outcome: 'unknown',
    kept: null,
  });
});

test('a tick that did not commit leaves the approval as it was', async () => {
  const journal = await openJournal();
  const approval = await request('approved');
  // A negative amount has the whole tick rolled back.
  await expect(journal.admit(intent({ approval, reservedMicros: -1 }))).rejects.toThrow();
  expect(await stateOf(approval.id)).toMatchObject({ status: 'approved', call_id: null });
  expect((await journal.admit(intent({ approval }))).verdict).toBe('admitted');
  await end();
});

test('a session that is lost while it commits never leaves an approval to be used twice', async () => {
  const journal = await openJournal();
  for (let round = 0; round < 4; round++) {
    const approval = await request('approved');
    const verdicts: string[] = [];
    const tryIt = () =>
      journal.admit(intent({ approval })).then(
        ({ verdict }) => verdicts.push(verdict),
        () => verdicts.push('in doubt'),
      );
    await Promise.all([tryIt(), killSession()]);
    // Whoever was refused tries again, and finds out.
    await until(async () => {
      await tryIt();
      return verdicts.at(-1) !== 'in doubt';
    });
    const admitted = verdicts.filter((verdict) => verdict === 'admitted');
    if (admitted.length === 0) {
      // It was committed, and nobody heard of it: then nothing was sent, and nothing will be.
      await until(async () => (await stateOf(approval.id)).status === 'done');
      expect(await stateOf(approval.id)).toMatchObject({ outcome: 'not_sent', kept: null });
    } else expect(admitted).toHaveLength(1);
    await end();
  }
});

test('a gateway can ask for approval, and can give none', async () => {
  const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
  const write = (text: string) =>
    gateway.withTenant(tenantId, (tx) => tx.query(text, [tenantId, newId('apr')]));
  const insert = (more: { columns: string; values: string }) =>
    write(`insert into approval_request (tenant_id, id, ${more.columns} member_id, client_id, credential, scopes, tool_id, tool,
        connection_id, connection, connection_revision, definition_hash, tool_class, arguments_hash, arguments_sealed,
        policy_version, demands, on_approval, expires_at)
      values ($1, $2, ${more.values} 'm', 'c', 'key:k', '{}', 't', 't', 'c', 'c', 1, 'd', 'read', 'a', '', 1, '[]', 'run', now())`);
  const approved = { columns: 'status,', values: "'approved'," };
  await expect(insert(approved)).rejects.toThrow(/permission denied/);
  await insert({ columns: '', values: '' });
  await expect(
    write("update approval_request set status = 'approved' where tenant_id = $1 and id <> $2"),
  ).rejects.toThrow(/permission denied/);
  await gateway.end();
  await end();
});
