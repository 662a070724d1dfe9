/** Approvals from both ends of a gateway: what a client is told, and what reaches its upstream. */
import { TAKEN_BACK, type CallResult } from '@conducktor/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import { tellRunning } from '../tell.js';
import type { ApprovalRequest } from '../types.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

let stack: GovernedStack;
let connectionId: string;
/** What the upstream does with the next call. */
let upstream: () => Promise<CallResult | undefined>;

const TOOL = 'crm_delete';
const HOLD_MS = 300;

const rule = (more: object = {}) => ({
  id: 'ask',
  when: { tools: ['crm_*'] },
  effect: 'require_approval',
  approvers: { group: 'admins', label: 'Admin team' },
  ...more,
});
const policy = (...rules: object[]) => ({ version: 1, default: 'allow', rules });

beforeAll(async () => {
  stack = await startGovernedStack({ approvalHoldMs: HOLD_MS });
  connectionId = await stack.connect('crm', { tools: {} }, async ({ argumentsJson }) => {
    const other = await upstream();
    return other ?? answered({ content: [{ type: 'text', text: `did ${argumentsJson}` }] });
  });
  await stack.addTool(connectionId, 'crm', 'delete', { proposed_class: 'destructive' });
  await stack.activate(policy(rule()));
});
afterAll(() => stack.stop());
beforeEach(async () => {
  upstream = async () => undefined;
  stack.calls.splice(0);
});

interface Row {
  id: string;
  status: string;
  outcome: string | null;
  decided_reason: string | null;
  call_id: string | null;
}
const requests = async (): Promise<Row[]> =>
  (
    await stack.admin.pool.query<Row>(
      'select id, status, outcome, decided_reason, call_id from approval_request order by created_at',
    )
  ).rows;
const newest = async () => (await requests()).at(-1)!;
/** As approvers do it, in one statement. */
const decideAs = (status: string, more = '') =>
  stack.admin.pool.query(
    `update approval_request set status = $1, decided_at = now() ${more} where status = 'pending'`,
    [status],
  );
const until = async (status: string): Promise<Row> => {
  for (let i = 0; i < 200; i++) {
    const row = await newest();
    if (row.status === status) return row;
    await pause(25);
  }
  throw new Error(`It did not become ${status}, but ${JSON.stringify(await newest())}.`);
};
const asked = async () => {
  for (let i = 0; i < 200; i++) {
    const row = (await requests()).at(-1);
    if (row?.status === 'pending') return row;
    await pause(10);
  }
  throw new Error('Nothing was asked.');
};
/** Once the gateway has heard of what was changed before. */
const askFor = async (args: object): Promise<Row> => {
  for (let i = 0; ; i++) {
    const told = await stack.call(TOOL, args);
    if (textOf(told).startsWith('Approval required')) return newest();
    if (i === 20) throw new Error(textOf(told));
    await pause(100);
  }
};
const textOf = (answer: ToolCallAnswer): string =>
  answer.kind === 'result'
    ? (answer.result['content'] as { text: string }[])[0]!.text
    : JSON.stringify(answer);
const metaOf = (answer: ToolCallAnswer) =>
  (answer.kind === 'result' ? answer.result['_meta'] : {}) as Record<string, unknown>;

test('a call that needs approval waits, is told whom it went to, and is made once when approved', async () => {
  const args = { id: 1 };
  const told = await stack.call(TOOL, args);
  const { id } = await newest();
  expect(metaOf(told)).toMatchObject({
    'conducktor/code': 'approval_required',
    'conducktor/approvalId': id,
  });
  expect(textOf(told)).toMatch(
    new RegExp(
      `^Approval required\\. Request sent to Admin team\\. It is ${id}, at https://mcp\\.example\\.test/approvals/${id}, and open until 20..-..-.. ..:.. UTC\\. As soon`,
    ),
  );
  expect(stack.calls).toHaveLength(0);
  const records = await stack.records();
  expect(records.at(-1)).toMatchObject({
    decision: 'deny',
    code: 'approval_required',
    approval: id,
    rule: 'ask',
  });

  await decideAs('approved');
  expect(await until('done')).toMatchObject({ outcome: 'ok' });
  expect(stack.calls).toHaveLength(1);
  expect((await stack.records()).at(-1)).toMatchObject({
    decision: 'allow',
    approval: id,
    rule: 'ask',
  });
  const events = await stack.admin.pool.query(
    'select kind, detail from notification_event where subject_id = $1 order by kind',
    [id],
  );
  expect(events.rows).toEqual([
    { kind: 'approval.executed', detail: { outcome: 'ok', callId: (await newest()).call_id } },
    { kind: 'approval.requested', detail: {} },
  ]);
  // For an hour the same call gets the same result; another one asks anew.
  for (let again = 0; again < 2; again++)
    expect(textOf(await stack.call(TOOL, args))).toBe('did {"id":1}');
  expect(textOf(await stack.call(TOOL, { id: 1.5 }))).toMatch(/^Approval required/);
  expect(stack.calls).toHaveLength(1);
  await decideAs('rejected');
});

test('who is still waiting gets the result, and so do all that wait for the same', async () => {
  const calls = Array.from({ length: 20 }, () => stack.call(TOOL, { id: 2 }));
  await asked();
  await decideAs('approved');
  expect(new Set((await Promise.all(calls)).map(textOf))).toEqual(new Set(['did {"id":2}']));
  expect(stack.calls).toHaveLength(1);
  expect((await requests()).filter(({ status }) => status === 'pending')).toHaveLength(0);
});

test('a rejection and the end of the time are told once, then the same call asks anew', async () => {
  await stack.call(TOOL, { id: 3 });
  await decideAs('rejected', ", decided_reason = 'Use the archive'");
  const rejected = await stack.call(TOOL, { id: 3 });
  expect(metaOf(rejected)['conducktor/code']).toBe('approval_rejected');
  expect(textOf(rejected)).toContain('Approval rejected: Use the archive.');
  expect(metaOf(rejected)['conducktor/callId']).toMatch(/^call_/);
  expect((await stack.records()).at(-1)).toMatchObject({
    decision: 'deny',
    code: 'approval_rejected',
    approval: (await newest()).id,
  });
  expect(metaOf(await stack.call(TOOL, { id: 3 }))['conducktor/code']).toBe('approval_required');

  await stack.admin.pool.query(
    "update approval_request set expires_at = now() where status = 'pending'",
  );
  expect(metaOf(await stack.call(TOOL, { id: 3 }))['conducktor/code']).toBe('approval_expired');
  expect((await newest()).status).toBe('expired');
  expect(metaOf(await stack.call(TOOL, { id: 3 }))['conducktor/code']).toBe('approval_required');
  await decideAs('rejected');
  expect(stack.calls).toHaveLength(0);
});

test.each([
  TAKEN_BACK,
  'What it was asked for has changed, and the same call was asked for again.',
])('a call that is held does not ask anew for what was ended because: %s', async (reason) => {
  const before = (await requests()).length;
  const held = stack.call(TOOL, { ended: reason });
  const { id } = await asked();
  // Its gateway has found what it has just written, and waits.
  await pause(50);
  await stack.admin.pool.query(
    "update approval_request set status = 'void', decided_at = now(), decided_reason = $2 where id = $1",
    [id, reason],
  );
  const told = await held;
  expect(metaOf(told)).toMatchObject({
    'conducktor/code': 'approval_expired',
    'conducktor/callId': expect.stringMatching(/^call_/),
  });
  expect(textOf(told)).toContain(`Approval expired: ${reason}`);
  expect(await requests()).toHaveLength(before + 1);
});

test('who is told that an approved call is on its way is told no call id before there is one', () => {
  const request = { id: 'apr_1', tool: TOOL, callId: null } as ApprovalRequest;
  expect(metaOf(tellRunning(request))).toEqual({
    'conducktor/code': 'outcome_unknown',
    'conducktor/approvalId': 'apr_1',
  });
});

test('with onApproval: wait it is made by the next identical call, once, and then asked anew', async () => {
  await stack.activate(policy(rule({ onApproval: 'wait' })));
  const args = { id: 4 };
  expect(textOf(await stack.call(TOOL, args))).toContain('call crm_delete again');
  await decideAs('approved');
  // Gateways hear of it at once, and leave it to its client.
  await pause(300);
  expect(stack.calls).toHaveLength(0);
  // Approvers saw arguments; a server may act on this too.
  const meta = { 'vendor/account': 'another' };
  expect(textOf(await stack.call(TOOL, args, {}, { meta }))).toBe('did {"id":4}');
  expect(stack.calls[0]).not.toHaveProperty('meta');
  // As a gateway leaves it that dies before its client has the answer.
  const left =
    "update approval_request set told_at = null where status = 'done' and on_approval = 'wait'";
  await stack.admin.pool.query(left);
  expect(textOf(await stack.call(TOOL, args))).toBe('did {"id":4}');
  expect(stack.calls).toHaveLength(1);
  expect(metaOf(await stack.call(TOOL, args))['conducktor/code']).toBe('approval_required');
  await stack.activate(policy(rule()));
});

test('what changes between asking and approving makes the approval void', async () => {
  const change = async (id: number, what: () => Promise<unknown>, reason: RegExp) => {
    const before = await askFor({ id });
    await what();
    await decideAs('approved');
    for (let i = 0; i < 300; i++) {
      const row = (await requests()).find((each) => each.id === before.id)!;
      if (row.status === 'void') {
        expect(row.decided_reason).toMatch(reason);
        const told = await stack.admin.pool.query(
          "select detail from notification_event where subject_id = $1 and kind = 'approval.void'",
          [row.id],
        );
        return expect(told.rows).toEqual([{ detail: { reason: row.decided_reason } }]);
      }
      await pause(25);
    }
    throw new Error(`${reason} did not make it void: ${JSON.stringify(await requests())}`);
  };
  const sql =
    (text: string, ...values: unknown[]) =>
    () =>
      stack.admin.pool.query(text, values);
  await change(10, () => stack.activate(policy(rule({ description: 'newer' }))), /policy|changed/);
  await change(11, sql("update tool set definition_hash = sha256('other')"), /changed/);
  await change(12, sql("update tool set class_override = 'write'"), /class|changed/);
  await change(13, sql('update connection set revision = revision + 1'), /changed/);
  await change(
    17,
    sql(`update tool set cost = '{"kind":"flat","micros":1}'`),
    /costs more now than when it was asked for/,
  );
  await sql('update tool set cost = null')();
  await change(14, sql('update tool set removed_at = now()'), /Unknown tool|not there/);
  await sql('update tool set removed_at = null')();
  await change(
    15,
    sql(
      "insert into frozen (tenant_id, kind, subject_id, reason, created_by) values ($1, 'member', $2, 'lost laptop', 'x')",
      stack.people.tenantId,
      stack.people.member.memberId,
    ),
    /frozen: lost laptop/,
  );
  await sql('delete from frozen')();
  await change(
    16,
    sql('update api_key set revoked_at = now() where id = $1', stack.people.member.keyId),
    /revoked|not valid/,
  );
  await sql('update api_key set revoked_at = null')();
  expect(stack.calls).toHaveLength(0);
});

test('an outcome that is not known ends the approval: it is told, never tried again, and asked for anew', async () => {
  upstream = async () => ({ outcome: 'unknown', durationMs: 1 });
  await askFor({ id: 20 });
  await decideAs('approved');
  expect(await until('done')).toMatchObject({ outcome: 'unknown' });
  const told = await stack.call(TOOL, { id: 20 });
  expect(metaOf(told)).toMatchObject({ 'conducktor/code': 'outcome_unknown' });
  expect(metaOf(await stack.call(TOOL, { id: 20 }))['conducktor/code']).toBe('approval_required');
  expect(stack.calls).toHaveLength(1);
  await decideAs('rejected');
});

test('slow calls of one workspace leave a gateway room for those of others', async () => {
  let letGo = () => {};
  const free = new Promise<void>((resolve) => (letGo = resolve));
  upstream = async () => void (await free);
  const ten = Array.from({ length: 10 }, (_, n) => stack.call(TOOL, { slow: n }));
  await Promise.all(ten);
  await decideAs('approved');
  await expect.poll(() => stack.calls.length).toBe(8);
  // Of 32; it has heard of each change of status, and looked again.
  await pause(200);
  expect(stack.calls).toHaveLength(8);
  letGo();
  await expect.poll(() => stack.calls.length).toBe(10);
  await expect
    .poll(async () => (await requests()).filter(({ status }) => status === 'running'))
    .toEqual([]);
});

test('what comes to need more approval than was given is not made', async () => {
  const after = new Date(Date.now() + 1_500).toISOString();
  const more = rule({ id: 'ask-more', when: { time: { after } }, approvers: { group: 'legal' } });
  await stack.activate(policy(rule(), more));
  const { id } = await askFor({ id: 21 });
  await pause(Math.max(0, Date.parse(after) - Date.now()) + 10);
  await decideAs('approved');
  const row = await until('void');
  expect(row).toMatchObject({
    id,
    decided_reason: 'More people have to approve it than were asked.',
  });
  expect(stack.calls).toHaveLength(0);
  await stack.activate(policy(rule()));
});

test('an approved call that a budget has no room for is told why it was not made, and recorded as any refusal', async () => {
  const { admin, people } = stack;
  const cost = JSON.stringify({ kind: 'flat', micros: 1 });
  await stack.addTool(connectionId, 'crm', 'buy', { cost });
  await admin.withTenant(people.tenantId, (tx) =>
    tx.query(
      `insert into budget (tenant_id, id, scope_kind, period, limit_micros) values ($1, 'bud_none', 'tenant', 'month', 0)`,
      [people.tenantId],
    ),
  );
  const asked = await stack.call('crm_buy', {});
  expect(textOf(asked)).toMatch(/^Approval required/);
  const { id } = await newest();
  await decideAs('approved');
  const { decided_reason } = await until('void');
  expect(decided_reason).toBe('Operation blocked: Monthly budget limit reached ($0)');
  const { rows } = await admin.pool.query(
    "select record::json -> 'budget' as budget, record::json ->> 'approval' as approval from call where record::json ->> 'code' = 'budget_exceeded'",
  );
  const budget = { id: 'bud_none', limitMicros: 0, spentMicros: 0, heldMicros: 0, neededMicros: 1 };
  expect(rows).toEqual([{ budget, approval: id }]);
  await admin.withTenant(people.tenantId, (tx) =>
    tx.query("delete from tool where shown_name = 'crm_buy'"),
  );
});

test('what is not a tool call cannot wait for approval, and says so', async () => {
  await stack.activate(policy({ ...rule(), when: {} }));
  await askFor({ id: 22 });
  const answer = await stack.request('resources/read', { uri: 'crm+file:///a' });
  expect(answer).toMatchObject({ kind: 'error' });
  expect(stack.calls).toHaveLength(0);
  await stack.activate(policy(rule()));
});

test('the upstream of an approved call can ask its client nothing', async () => {
  upstream = async () =>
    answered({ resultType: 'input_required', inputRequests: {}, requestState: 'x' });
  const capabilities = { elicitation: { form: {} }, sampling: {} };
  await askFor({ id: 23 });
  await decideAs('approved');
  await until('done');
  expect(stack.calls[0]).not.toHaveProperty('capabilities');
  const told = await stack.call(TOOL, { id: 23 }, { capabilities });
  expect(metaOf(told)).toMatchObject({ 'conducktor/code': 'input_not_given' });
  expect(stack.calls).toHaveLength(1);
});

test('lists say which tools need approval, always or perhaps', async () => {
  await stack.addTool(connectionId, 'crm', 'read');
  const perhaps = rule({ id: 'some', when: { tools: ['crm_delete'], if: 'args.id > 1' } });
  const needs = async () => {
    const list = await stack.governed.mcp.listTools(stack.context());
    if (list.kind !== 'tools') throw new Error(JSON.stringify(list));
    return list.tools.map(({ name, _meta }) => [
      name,
      (_meta as Record<string, unknown>)['conducktor/approval'],
    ]);
  };
  await stack.activate(policy(perhaps));
  await expect.poll(needs).toEqual([
    [TOOL, 'perhaps'],
    ['crm_read', undefined],
  ]);
  await stack.activate(policy(rule()));
  await expect.poll(needs).toEqual([
    [TOOL, 'always'],
    ['crm_read', 'always'],
  ]);
});
