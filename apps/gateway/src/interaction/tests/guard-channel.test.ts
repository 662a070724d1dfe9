// What an upstream says before its answer, and what a client answers it meanwhile.
import type { CallResult } from '@conducktor/contracts';
import type { RpcExchange } from '@conducktor/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const CANARY = 'CANARY-91';
const ASK = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'What do you know?', requestedSchema: { type: 'object' } },
} as const;
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    {
      id: 'stays',
      when: { labels: ['egress'], seen: ['private'] },
      effect: 'deny',
      message: 'No.',
    },
  ],
};

let stack: GovernedStack;
const upstream: Record<string, (exchange: RpcExchange) => CallResult | Promise<CallResult>> = {};

beforeAll(async () => {
  stack = await startGovernedStack({
    handlers: { call: async ({ name }, exchange) => upstream[name]!(exchange) },
  });
  const id = await stack.connect('a', { tools: {} }, () => answered({}));
  await stack.addTool(id, 'a', 'reads', { labels: ['private'] });
  await stack.addTool(id, 'a', 'sends', { labels: ['egress'] });
  await stack.activate(POLICY);
});
afterAll(() => stack?.stop());

const tainted = async () =>
  (await stack.admin.pool.query('select label from taint')).rows.map(({ label }) => label);

it('notes what a client was given before the first word of it, in the order of the words', async () => {
  upstream['reads'] = (exchange) => {
    for (const progress of [1, 2, 3]) exchange.progress({ progress, message: CANARY });
    return answered({ content: [] });
  };
  const told: [number, Promise<unknown>][] = [];
  await stack.call(
    'a_reads',
    {},
    { apiKey: stack.people.owner.apiKey },
    { onProgress: ({ progress }) => told.push([progress, tainted()]) },
  );
  expect(told.map(([progress]) => progress)).toEqual([1, 2, 3]);
  for (const [, labels] of told) expect(await labels).toEqual(['private']);
});

it.each([
  ['hands on an answer', false],
  ['does not hand on an answer that its client gave after it was given what may not leave', true],
])('%s', async (_name, reads) => {
  upstream['reads'] = () => answered({ content: [{ type: 'text', text: CANARY }] });
  upstream['sends'] = (exchange) =>
    new Promise((resolve) => {
      exchange.onReply = ({ result, error }) =>
        resolve(answered({ content: [{ type: 'text', text: JSON.stringify(result ?? error) }] }));
      exchange.ask({ askId: 1, ...ASK });
    });
  const by = {
    apiKey: stack.people.member.apiKey,
    era: 'legacy' as const,
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: { form: {} } },
  };
  const answer = await stack.call('a_sends', {}, by, {
    ask: async () => {
      if (reads) await stack.call('a_reads', {}, by);
      return { result: { action: 'accept', content: { all: CANARY } } };
    },
  });
  const received = JSON.stringify(answer);
  if (reads) expect(received).toContain('This question was not answered.');
  expect(received.includes(CANARY)).toBe(!reads);
});
