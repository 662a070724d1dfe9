// What audit keeps of calls that policy refuses: as much as of calls that are made, so that another policy
// can be tried on them, and never what a rule takes out.
import { hash } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const MAIL = 'ada@x.example';
const redact = { kinds: ['email'] };
const deny = (tool: string, more: object = {}) => ({
  id: tool,
  effect: 'deny',
  when: { tools: [`crm_${tool}`], ...more },
});
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    deny('put', { if: 'args.amount > 10' }),
    deny('mail', { if: 'args.amount > 10' }),
    { id: 'hide', effect: 'redact', when: { tools: ['crm_mail', 'crm_never'] }, redact },
    deny('never'),
    deny('odd'),
    { id: 'unknowable', effect: 'redact', when: { tools: ['crm_odd'], if: 'args.x > 1' }, redact },
  ],
};

let stack: GovernedStack;
beforeAll(async () => {
  stack = await startGovernedStack();
  const id = await stack.connect('crm', { tools: {} }, () => answered({ content: [] }));
  for (const name of ['put', 'mail', 'never', 'odd']) await stack.addTool(id, 'crm', name);
  await stack.activate(POLICY);
  await vi.waitFor(async () => expect(await refused('never', {})).toBeDefined(), 30_000);
});
afterAll(() => stack?.stop());

type Answer = { result?: { isError?: boolean; _meta: Record<string, string> } };
/** The id of the record of its refusal. */
async function refused(tool: string, args: object): Promise<string | undefined> {
  const answer = (await stack.call(`crm_${tool}`, args)) as ToolCallAnswer & Answer;
  const meta = answer.result?._meta;
  return meta?.['conducktor/code'] === 'policy_denied' ? meta['conducktor/callId'] : undefined;
}
async function recordOf(callId: string): Promise<Record<string, unknown>> {
  const { rows } = await stack.admin.pool.query<{ record: string }>(
    'select record from call where call_id = $1',
    [callId],
  );
  return JSON.parse(rows[0]!.record) as Record<string, unknown>;
}

it('is what the refused call was made with, sealed, and its hash', async () => {
  const args = { amount: 11, note: 'canary-refused' };
  const id = (await refused('put', args))!;
  expect(await stack.keptArguments(id)).toEqual(args);
  const record = await recordOf(id);
  const canonical = JSON.stringify(args);
  expect(record).toMatchObject({
    code: 'policy_denied',
    argumentsHash: hash('sha256', canonical, 'hex'),
    argumentsSize: canonical.length,
  });
  expect(JSON.stringify(record)).not.toContain('canary-refused');
});

it('lacks what rules take out, whether or not the refusal hangs on the arguments', async () => {
  for (const tool of ['mail', 'never']) {
    const id = (await refused(tool, { amount: 11, to: MAIL }))!;
    expect(await stack.keptArguments(id)).toEqual({ amount: 11, to: '[redacted]' });
    expect(await recordOf(id)).toMatchObject({ argumentsRedacted: true });
  }
});

it('is nothing where it cannot be known what to take out', async () => {
  const record = await recordOf((await refused('odd', { to: MAIL }))!);
  expect(record).toMatchObject({ rule: 'odd', argumentsHash: expect.any(String) });
  expect(record).not.toHaveProperty('argumentsSealed');
  expect(record).not.toHaveProperty('argumentsIn');
});

it('stands beside the record when it is large, and is not kept when it is larger than refusals may be', async () => {
  const large = (await refused('put', { amount: 11, note: 'x'.repeat(20_000) }))!;
  expect(await recordOf(large)).toMatchObject({ argumentsIn: 'call_body' });
  await expect
    .poll(
      async () =>
        (await stack.admin.pool.query('select from call_body where call_id = $1', [large]))
          .rowCount,
      { timeout: 30_000 },
    )
    .toBe(1);
  const huge = await recordOf((await refused('put', { amount: 11, note: 'x'.repeat(100_000) }))!);
  expect(huge).toMatchObject({ argumentsSize: 100_000 + '{"amount":11,"note":""}'.length });
  expect(huge).not.toHaveProperty('argumentsSealed');
  expect(huge).not.toHaveProperty('argumentsIn');
});

it('is kept of refusals with a record of their own, and of none that are counted together', async () => {
  const ids = [];
  for (let amount = 100; amount < 115; amount++) ids.push(await refused('put', { amount }));
  const sum = ids.at(-1)!;
  // What is counted is written when the gateway stops; it stops once.
  await stack.governed.stop();
  Object.assign(stack.governed, { stop: async () => {} });
  expect(await stack.keptArguments(ids[0]!)).toEqual({ amount: 100 });
  const record = await recordOf(sum);
  expect(record['repeated']).toBeGreaterThanOrEqual(5);
  expect(record).not.toHaveProperty('argumentsSealed');
});
