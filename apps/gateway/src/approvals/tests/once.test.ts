/** An approval is for one call of just these bytes, whichever gateway and however many ask for it. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseJsonStrict } from '@conducktor/catalog';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Governed } from '../../open-governed.js';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

let stack: GovernedStack;
let gateways: Governed[];

const TOOL = 'crm_delete';
const rule = (onApproval: 'run' | 'wait') => ({
  version: 1,
  default: 'allow',
  rules: [
    {
      id: 'ask',
      when: { tools: [TOOL] },
      effect: 'require_approval',
      approvers: { group: 'admins' },
      onApproval,
    },
  ],
});

beforeAll(async () => {
  stack = await startGovernedStack({ approvalHoldMs: 50 });
  const connectionId = await stack.connect('crm', { tools: {} }, async ({ argumentsJson }) => {
    // Long enough for all who call at once to meet it.
    await pause(100);
    return answered({ content: [{ type: 'text', text: `did ${argumentsJson}` }] });
  });
  await stack.addTool(connectionId, 'crm', 'delete', { proposed_class: 'destructive' });
  gateways = [stack.governed, await stack.openGateway()];
});
afterAll(() => stack.stop());
beforeEach(() => void stack.calls.splice(0));

const call = (gateway: Governed, json: string, apiKey?: string): Promise<ToolCallAnswer> =>
  gateway.mcp.callTool({
    context: stack.context(apiKey === undefined ? {} : { apiKey }),
    name: TOOL,
    argumentsValue: parseJsonStrict(json),
    signal: new AbortController().signal,
  });
const textOf = (answer: ToolCallAnswer): string =>
  answer.kind === 'result'
    ? (answer.result['content'] as { text: string }[])[0]!.text
    : JSON.stringify(answer);
const codeOf = (answer: ToolCallAnswer): unknown =>
  answer.kind === 'result'
    ? (answer.result['_meta'] as Record<string, unknown> | undefined)?.['conducktor/code']
    : answer.kind;

/** Asks, and lets the one request be approved; `more` is changed of it in the same moment. */
async function askAndApprove(json: string, more = ''): Promise<string> {
  // A gateway may still decide by the policy of before.
  await expect.poll(async () => codeOf(await call(gateways[0]!, json))).toBe('approval_required');
  const { rows } = await stack.admin.pool.query<{ id: string }>(
    `update approval_request set status = 'approved', decided_at = now() ${more}
      where status = 'pending' returning id`,
  );
  expect(rows).toHaveLength(1);
  return rows[0]!.id;
}
const statusOf = async (id: string) =>
  (await stack.admin.pool.query('select status, outcome from approval_request where id = $1', [id]))
    .rows[0];
const clear = () =>
  stack.admin.pool.query(
    "update approval_request set status = 'void', call_id = null, told_at = now(), result_until = null",
  );

for (const mode of ['run', 'wait'] as const)
  test(`100 calls of the same at two gateways, ${mode}: one is made, and all get its answer`, async () => {
    await stack.activate(rule(mode));
    const json = `{"of":"${mode}"}`;
    const id = await askAndApprove(json);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => call(gateways[n % 2]!, json)),
    );
    expect(stack.calls).toHaveLength(1);
    expect(new Set(answers.map(textOf))).toEqual(new Set([`did ${json}`]));
    expect(await statusOf(id)).toEqual({ status: 'done', outcome: 'ok' });
    expect((await stack.records()).filter(({ decision }) => decision === 'allow')).toHaveLength(
      mode === 'run' ? 1 : 2,
    );
  });

const ARGUMENTS = '{"id":1,"to":"a"}';

test.each([
  ['keys in another order', '{"to":"a","id":1}'],
  ['a number in another spelling', '{"id":10.0e-1,"to":"a"}'],
  ['an escaped letter, and white space', String.raw`{ "id" : 1, "to" : "\u0061" }`],
])('the same arguments with %s are what was approved', async (_, json) => {
  const id = await askAndApprove(ARGUMENTS);
  expect(textOf(await call(gateways[1]!, json))).toBe(`did ${ARGUMENTS}`);
  expect(stack.calls.map(({ argumentsJson }) => argumentsJson)).toEqual([ARGUMENTS]);
  expect(await statusOf(id)).toMatchObject({ status: 'done' });
});

test.each([
  ['one letter', '{"id":1,"to":"b"}'],
  ['one digit', '{"id":2,"to":"a"}'],
  ['a number for a text', '{"id":"1","to":"a"}'],
  ['a member more', '{"id":1,"to":"a","x":null}'],
  ['a member less', '{"id":1}'],
  ['a space in a text', '{"id":1,"to":"a "}'],
  ['a letter that looks the same', '{"id":1,"to":"\u0430"}'],
])('arguments that differ by %s are asked for anew', async (_, json) => {
  const id = await askAndApprove(ARGUMENTS);
  expect(codeOf(await call(gateways[1]!, json))).toBe('approval_required');
  expect(stack.calls).toEqual([]);
  expect(await statusOf(id)).toMatchObject({ status: 'approved' });
  await clear();
});

test.each([
  ['tool', "tool_id = tool_id || 'x'"],
  [
    'definition of the tool',
    "definition_hash = translate(left(definition_hash, 1), '0123456789abcdef', '123456789abcdef0') || substr(definition_hash, 2)",
  ],
  ['class of the tool', "tool_class = 'write'"],
  ['revision of the connection', 'connection_revision = connection_revision + 1'],
  [
    'arguments',
    "arguments_hash = translate(left(arguments_hash, 1), '0123456789abcdef', '123456789abcdef0') || substr(arguments_hash, 2)",
  ],
  ['version of the policy', 'policy_version = policy_version + 1'],
  ['member', "member_id = member_id || 'x'"],
  ['credential', "credential = credential || 'x'"],
  ['client', "client_id = client_id || 'x'"],
  ['time', 'expires_at = now()'],
])('an approval that was given for another %s is not used', async (_, more) => {
  const id = await askAndApprove(ARGUMENTS, `, ${more}`);
  expect(codeOf(await call(gateways[1]!, ARGUMENTS))).toMatch(/^approval_(required|expired)$/);
  expect(stack.calls).toEqual([]);
  expect((await statusOf(id)).outcome).toBeNull();
  await clear();
});

test("what was approved for one person's client is not used by another's", async () => {
  await askAndApprove(ARGUMENTS);
  const { contractor } = stack.people;
  expect(codeOf(await call(gateways[1]!, ARGUMENTS, contractor.apiKey))).toBe('approval_required');
  expect(stack.calls).toEqual([]);
  await clear();
});
