// A budget without room, as a client and an auditor see it, over a real worker and upstream.
import {
  startRecordingUpstream,
  type FixtureTool,
  type RecordingUpstream,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { startWholePath, type WholePath } from './support/whole-path.js';

const DOLLAR = 1_000_000;
const tool = (name: string): FixtureTool => ({
  definition: { name, inputSchema: { type: 'object' } },
  run: async () => ({ content: [{ type: 'text', text: 'done' }] }),
});
const PRICES = { dear: 95, cheap: 10, tiny: 1, free: 0 };

let path: WholePath;
let upstream: RecordingUpstream;
let made = 0;

beforeAll(async () => {
  path = await startWholePath();
  upstream = await startRecordingUpstream({ tools: Object.keys(PRICES).map(tool) });
  await path.connect('up', upstream.url, Object.keys(PRICES));
  await path.admin.withTenant(path.people.tenantId, async (tx) => {
    for (const [name, dollars] of Object.entries(PRICES))
      await tx.query('update tool set cost = $2 where upstream_name = $1', [
        name,
        JSON.stringify({ kind: 'flat', micros: dollars * DOLLAR }),
      ]);
  });
  await path.activate({ version: 1, default: 'allow', rules: [] });
});
afterAll(async () => {
  await path?.stop();
  await upstream?.close();
});

/** In effect when it resolves; the one before is taken away. */
async function cap(
  scope: { kind: string; id?: string },
  period: string,
  dollars: number,
): Promise<string> {
  const id = `bud_${made++}`;
  await path.admin.withTenant(path.people.tenantId, async (tx) => {
    await tx.query('update budget set deleted_at = now() where deleted_at is null');
    await tx.query(
      `insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros) values ($1, $2, $3, $4, $5, $6)`,
      [path.people.tenantId, id, scope.kind, scope.id ?? null, period, dollars * DOLLAR],
    );
  });
  return id;
}
const call = (name: string, by?: { apiKey: string }) =>
  path.call(path.gateways[0]!, `up_${name}`, {}, by);
const said = (answer: ToolCallAnswer) => {
  if (answer.kind !== 'result') throw new Error(`It was answered with ${JSON.stringify(answer)}.`);
  const { isError, content, _meta } = answer.result as {
    isError?: boolean;
    content: { text: string }[];
    _meta: Record<string, unknown>;
  };
  return { isError: isError ?? false, text: content[0]!.text, code: _meta['conducktor/code'] };
};
const refused = (text: string) => ({ isError: true, text, code: 'budget_exceeded' });
const done = { isError: false, text: 'done', code: undefined };

test('95 dollars of 100 are spent: a call for 10 is refused in the words people know, and one for 1 is made', async () => {
  const id = await cap({ kind: 'tenant' }, 'month', 100);
  expect(said(await call('dear'))).toEqual(done);
  const sent = upstream.calls.length;
  expect(said(await call('cheap'))).toEqual(
    refused('Operation blocked: Monthly budget limit reached ($100)'),
  );
  expect(upstream.calls.length).toBe(sent);
  expect(said(await call('tiny'))).toEqual(done);
  expect(said(await call('free'))).toEqual(done);

  const { rows } = await path.admin.pool.query<{ budget: unknown }>(
    "select record::json -> 'budget' as budget from call where record::json ->> 'code' = 'budget_exceeded'",
  );
  expect(rows[0]!.budget).toEqual({
    id,
    limitMicros: 100 * DOLLAR,
    spentMicros: 95 * DOLLAR,
    heldMicros: 0,
    neededMicros: 10 * DOLLAR,
  });
});

test.each([
  ['day', 'Daily'],
  ['week', 'Weekly'],
  ['rolling-30d', '30-day'],
])('a budget of a %s is named so', async (period, word) => {
  await cap({ kind: 'tenant' }, period, 5);
  expect(said(await call('cheap')).text).toBe(
    `Operation blocked: ${word} budget limit reached ($5)`,
  );
});

test('a budget counts what is in its scope: a person, a group, a client, a connection, a tool', async () => {
  const { admin, people } = path;
  const { tenantId, member, contractor } = people;
  const rows = async (sql: string) =>
    (await admin.withTenant(tenantId, (tx) => tx.query<{ id: string }>(sql))).rows[0]!.id;
  const group = people.groupId;
  const toolId = await rows("select id from tool where upstream_name = 'tiny'");
  const connection = await rows('select id from connection');
  const key = await rows(`select id from api_key where member_id = '${member.memberId}'`);
  const both = async (name = 'tiny') => [
    said(await call(name, member)).code,
    said(await call(name, contractor)).code,
  ];
  const none = [undefined, undefined];
  const blocked = 'budget_exceeded';

  await cap({ kind: 'user', id: contractor.memberId }, 'day', 0);
  expect(await both()).toEqual([undefined, blocked]);
  await cap({ kind: 'group', id: group }, 'day', 0);
  expect(await both()).toEqual([undefined, blocked]);
  await cap({ kind: 'client', id: key }, 'day', 0);
  expect(await both()).toEqual([blocked, undefined]);
  await cap({ kind: 'connection', id: connection }, 'day', 0);
  expect(await both()).toEqual([blocked, blocked]);
  await cap({ kind: 'tool', id: toolId }, 'day', 0);
  expect(await both()).toEqual([blocked, blocked]);
  expect(await both('cheap')).toEqual(none);
});
