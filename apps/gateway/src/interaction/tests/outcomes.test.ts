// What becomes of calls whose result, server or worker is not what it was when they began.
import type { CallResult } from '@conducktor/contracts';
import type { RpcExchange } from '@conducktor/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ToolCallInput } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';
import { HeldCalls } from '../held-calls.js';

const FORM = { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: {} } };
const ASK = { method: 'elicitation/create', params: FORM } as const;
const GIVEN = { who: { action: 'accept', content: {} } };
const NEVER = new AbortController().signal;

let stack: GovernedStack;
let connectionId: string;
const sent: string[] = [];
/** By the upstream's name of the tool. */
const upstream: Record<string, (exchange: RpcExchange) => Promise<CallResult> | CallResult> = {};

beforeAll(async () => {
  stack = await startGovernedStack({
    handlers: {
      call: async ({ name }, exchange) => {
        sent.push(name);
        return upstream[name]!(exchange);
      },
      // As where the worker is not reachable from the gateway that the client came back to.
      resume: async () => ({ outcome: 'unavailable', message: 'was not sent', durationMs: 0 }),
    },
  });
  connectionId = await stack.connect('a', { tools: {} }, () => answered({}));
  for (const name of ['asks', 'waits', 'odd']) await stack.addTool(connectionId, 'a', name);
});
afterAll(() => stack?.stop());

const call = (name: string, input?: ToolCallInput['input']) =>
  stack.governed.mcp.callTool({
    context: stack.context({ capabilities: { elicitation: { form: {} } } }),
    name,
    argumentsValue: {},
    signal: NEVER,
    ...(input && { input }),
  });
const stateOf = (answer: Awaited<ReturnType<typeof call>>) =>
  answer.kind === 'result' ? (answer.result['requestState'] as string) : undefined;

it('brings answers to no server but the one that asked', async () => {
  upstream['asks'] = () =>
    answered({ resultType: 'input_required', inputRequests: { who: ASK }, requestState: 's' });
  const requestState = stateOf(await call('a_asks'))!;
  await stack.admin.pool.query('update connection set revision = revision + 1 where id = $1', [
    connectionId,
  ]);
  await expect
    .poll(() => call('a_asks', { requestState, inputResponses: GIVEN }), { timeout: 30_000 })
    .toMatchObject({
      kind: 'error',
      error: { code: -32_602, data: { _meta: { 'conducktor/code': 'invalid_input' } } },
    });
});

it('does not say of a held call that it was not sent', async () => {
  upstream['waits'] = (exchange) => {
    exchange.ask({ askId: 1, ...ASK });
    return new Promise((resolve) => {
      exchange.onReply = () => resolve(answered({ content: [] }));
      setTimeout(() => resolve(answered({ content: [] })), 3_000).unref();
    });
  };
  const requestState = stateOf(await call('a_waits'))!;
  const startedAt = performance.now();
  expect(
    await call('a_waits', { requestState, inputResponses: { 'ask-1': GIVEN.who } }),
  ).toMatchObject({ result: { isError: true, _meta: { 'conducktor/code': 'outcome_unknown' } } });
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

it('settles a call whose result cannot be handed on', async () => {
  const numbers = Array.from({ length: 50_001 }, () => '1e400').join(',');
  upstream['odd'] = () => ({ ...answered({}), resultJson: `{"content":[],"n":[${numbers}]}` });
  const answer = await call('a_odd');
  expect(answer).toMatchObject({
    result: { isError: true, _meta: { 'conducktor/code': 'internal_error' } },
  });
  const callId = (answer as unknown as { result: { _meta: Record<string, string> } }).result._meta[
    'conducktor/callId'
  ];
  await expect
    .poll(async () => {
      const { rows } = await stack.admin.pool.query(
        'select record from outcome where call_id = $1',
        [callId],
      );
      return rows.map(({ record }) => JSON.parse(record).outcome);
    })
    .toEqual(['ok']);
});

it('holds so many calls of one person at once', async () => {
  const held = new HeldCalls(1);
  const of = (id: string) => ({ caller: { member: { id } } }) as Parameters<typeof held.add>[0];
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof call>>>();
  held.add({ ...of('ann'), callId: 'call_1' }, promise);
  expect(held.hasRoomFor(of('ann'))).toBe(false);
  expect(held.hasRoomFor(of('bob'))).toBe(true);
  resolve({ kind: 'result', result: {} });
  await held.get('call_1');
  await expect.poll(() => held.hasRoomFor(of('ann'))).toBe(true);
  expect(held.get('call_1')).toBeUndefined();
});
