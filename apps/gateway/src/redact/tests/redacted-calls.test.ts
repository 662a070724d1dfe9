// What policy takes out, along the whole way of a call: it reaches neither the client nor audit, and it
// does reach the upstream.
import { hash } from 'node:crypto';
import type { RpcExchange } from '@conducktor/runtime';
import type { CallResult } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const MAIL = 'ada@x.example';
const HIDE = { id: 'hide', effect: 'redact', redact: { kinds: ['email'], fields: ['card'] } };
const POLICY = { version: 1, default: 'allow', rules: [HIDE] };
const ARGUMENTS = { card: '4111', mail: MAIL };
const GIVEN = { content: [{ type: 'text', text: `Ask ${MAIL}.` }] };

let stack: GovernedStack;
let upstream: (exchange: RpcExchange) => CallResult | Promise<CallResult>;
const received: string[] = [];

beforeAll(async () => {
  stack = await startGovernedStack({
    handlers: {
      call: async ({ argumentsJson }, exchange) => {
        received.push(argumentsJson);
        return upstream(exchange);
      },
    },
  });
  const capabilities = { tools: {}, resources: {}, prompts: {} };
  const id = await stack.connect('crm', capabilities, () => answered({}));
  await stack.addTool(id, 'crm', 'get');
  await stack.activate(POLICY);
});
afterAll(() => stack?.stop());
beforeEach(() => {
  received.length = 0;
  upstream = () => answered(GIVEN);
});

const get = (more: object = {}) => stack.call('crm_get', ARGUMENTS, {}, more);
const idOf = (answer: ToolCallAnswer) =>
  (answer as unknown as { result: { _meta: Record<string, string> } }).result._meta[
    'conducktor/callId'
  ]!;

it('sends the true arguments and records their hash, and keeps them for audit without what is hidden', async () => {
  const answer = await get();
  expect(answer).toMatchObject({ result: { content: [{ text: 'Ask [redacted].' }] } });
  const canonical = JSON.stringify(ARGUMENTS);
  expect(received).toEqual([canonical]);
  expect(await stack.keptArguments(idOf(answer))).toEqual({
    card: '[redacted]',
    mail: '[redacted]',
  });
  expect((await stack.records()).at(-1)).toMatchObject({
    argumentsHash: hash('sha256', canonical, 'hex'),
    argumentsSize: canonical.length,
    argumentsRedacted: true,
  });
});

it('keeps no more of it under an idempotency key, and gives that again as policy is then', async () => {
  const key = { idempotencyKey: 'once' };
  const first = await get(key);
  expect(await get(key)).toEqual(first);
  const more = { ...HIDE, id: 'more', redact: { patterns: ['Ask'] } };
  await stack.activate({ ...POLICY, rules: [HIDE, more] });
  await expect
    .poll(() => get(key), { timeout: 30_000 })
    .toMatchObject({ result: { content: [{ text: '[redacted] [redacted].' }] } });
  expect(received).toHaveLength(1);
  await stack.activate(POLICY);
});

it('takes it out of progress and log messages, and of what an error says', async () => {
  const told: unknown[] = [];
  upstream = (exchange) => {
    exchange.progress({ progress: 1, message: `reading ${MAIL}` });
    exchange.notify({
      method: 'notifications/message',
      params: { level: 'info', data: { card: '4111', to: MAIL } },
    });
    return { outcome: 'error', error: { code: -32_000, message: `no ${MAIL}` }, durationMs: 1 };
  };
  const answer = await stack.call(
    'crm_get',
    {},
    { logLevel: 'info' },
    {
      onProgress: (progress) => told.push(progress.message),
      onNotification: ({ params }) => told.push(params['data']),
    },
  );
  expect(told).toEqual(['reading [redacted]', { card: '[redacted]', to: '[redacted]' }]);
  expect(answer).toMatchObject({ kind: 'error', error: { message: 'no [redacted]' } });
});

it('withholds what cannot be redacted, and settles its call', async () => {
  let deep: unknown = MAIL;
  for (let level = 0; level < 300; level++) deep = [deep];
  upstream = () => answered({ content: [], structuredContent: { deep } });
  const answer = await get();
  expect(answer).toMatchObject({
    result: { isError: true, _meta: { 'conducktor/code': 'result_withheld' } },
  });
  await expect
    .poll(async () => {
      const { rows } = await stack.admin.pool.query<{ record: string }>(
        'select record from outcome where call_id = $1',
        [idOf(answer)],
      );
      return rows[0] && JSON.parse(rows[0].record);
    })
    .toMatchObject({ outcome: 'ok' });
});

it('holds for resources and for the entries of lists, too', async () => {
  upstream = () => answered({ resources: [{ uri: 'a:1', name: 'one', description: MAIL }] });
  const list = await stack.request('resources/list', {});
  expect(list).toMatchObject({
    result: { resources: [{ name: 'one', description: '[redacted]' }] },
  });
  upstream = () => answered({ contents: [{ uri: 'a:1', text: MAIL }] });
  const read = await stack.request('resources/read', { uri: 'crm+a:1' });
  expect(read).toMatchObject({ result: { contents: [{ uri: 'crm+a:1', text: '[redacted]' }] } });
});
