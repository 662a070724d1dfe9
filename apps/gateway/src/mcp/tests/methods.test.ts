// Every method besides tools, in both eras: what reaches the story and what the client gets.
import { rawMcp } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';
import { beginSession } from './support/legacy-client.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const METHODS = [
  ['resources/list', { cursor: 'c' }, 'resources'],
  ['resources/templates/list', {}, 'resourceTemplates'],
  ['resources/read', { uri: 'test:a' }, 'contents'],
  ['prompts/list', {}, 'prompts'],
  ['prompts/get', { name: 'p', arguments: { a: 'b' } }, 'messages'],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: '' } },
    'completion',
  ],
] as const;
const raw = (
  era: 'legacy' | 'modern',
  method: string,
  params: Record<string, unknown>,
  options: Record<string, unknown> = {},
) =>
  rawMcp(gateway.mcp, method, params, {
    token: 'alice',
    era,
    headers:
      typeof params['uri'] === 'string' && era === 'modern' ? { 'mcp-name': params['uri'] } : {},
    ...options,
  });

describe.each(['legacy', 'modern'] as const)('%s', (era) => {
  test.each(METHODS)(
    '%s reaches the story and comes back in shape',
    async (method, params, key) => {
      const { status, message } = await raw(era, method, { ...params, unknown: 1 });
      expect([status, message?.error]).toEqual([200, undefined]);
      expect(gateway.governed.requests.at(-1)).toMatchObject({
        method,
        params: { ...params, unknown: 1 },
        context: { era, resourcePath: '/mcp' },
      });
      expect(gateway.governed.requests.at(-1)!.params).not.toHaveProperty('_meta');
      const result = message!.result!;
      expect(result).toHaveProperty(key);
      const cacheable = method.endsWith('/list') || method === 'resources/read';
      if (era === 'modern') {
        expect(result).toMatchObject({ resultType: 'complete' });
        expect(result['cacheScope']).toBe(cacheable ? 'private' : undefined);
        expect(typeof result['ttlMs']).toBe(cacheable ? 'number' : 'undefined');
      } else {
        for (const modern of ['resultType', 'cacheScope', 'ttlMs'])
          expect(result).not.toHaveProperty(modern);
      }
      if (method.endsWith('/list'))
        expect(result).toMatchObject({ nextCursor: 'more', 'x-unknown': 'kept' });
    },
  );

  test.each([
    ['resources/list', { cursor: 5 }],
    ['resources/read', {}],
    ['resources/read', { uri: 5 }],
    ['prompts/get', { name: 7 }],
    ['prompts/get', { name: 'p', arguments: [] }],
    ['completion/complete', { ref: {}, argument: { name: 'a', value: 'b' } }],
    ['completion/complete', { ref: { type: 'ref/prompt' }, argument: { name: 'a' } }],
  ])('%s with %j is -32602 and does not reach the story', async (method, params) => {
    const before = gateway.governed.requests.length;
    const { message } = await raw(era, method, params);
    expect(message?.error?.code).toBe(-32602);
    expect(gateway.governed.requests.length).toBe(before);
  });

  test('too many requests is 429 with the time to wait', async () => {
    const answer = await raw(era, 'resources/read', { uri: 'test:limited' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '2']);
  });

  test('progress comes with the client’s token', async () => {
    const params = { uri: 'test:a' };
    const answer = await raw(era, 'resources/read', params, { meta: { progressToken: 'p' } });
    expect(answer.messages[0]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 'p', progress: 1 },
    });
  });
});

test('prompts hold only content that the revision knows', async () => {
  for (const [version, kinds] of [
    ['2024-11-05', ['text', 'text', 'text']],
    ['2025-03-26', ['text', 'audio', 'text']],
    ['2025-06-18', ['text', 'audio', 'resource_link']],
  ] as const) {
    const client = await beginSession(gateway.mcp, 'alice', {}, version);
    const { message } = await client.request('prompts/get', { name: 'p' });
    const messages = message!.result!['messages'] as { content: { type: string } }[];
    expect(messages.map(({ content }) => content.type)).toEqual(kinds);
  }
});

test('a legacy session says what its client can be asked, a modern request for itself', async () => {
  const declared = { elicitation: {}, sampling: { tools: {} }, unknown: {} };
  const client = await beginSession(gateway.mcp, 'alice', declared);
  await client.request('tools/call', { name: 't_echo', arguments: {} });
  const expected = { elicitation: { form: {} }, sampling: { tools: {} } };
  expect(gateway.governed.calls.at(-1)?.input.context.capabilities).toEqual(expected);
  await raw(
    'modern',
    'tools/call',
    { name: 't_echo', arguments: {} },
    {
      headers: {},
      meta: {
        'io.modelcontextprotocol/clientCapabilities': declared,
        'io.modelcontextprotocol/logLevel': 'warning',
      },
    },
  );
  expect(gateway.governed.calls.at(-1)?.input.context).toMatchObject({
    capabilities: expected,
    logLevel: 'warning',
  });
  await raw('legacy', 'tools/call', { name: 't_echo', arguments: {} });
  expect(gateway.governed.calls.at(-1)?.input.context.capabilities).toBeUndefined();
});

test('log messages reach a modern client at or above the level it named, and no other', async () => {
  const call = async (meta: Record<string, unknown>) => {
    const params = { name: 't_log', arguments: {} };
    const { messages } = await raw('modern', 'tools/call', params, { headers: {}, meta });
    return (messages as { params?: { level?: string } }[]).flatMap((m) => m.params?.level ?? []);
  };
  expect(await call({})).toEqual([]);
  expect(await call({ 'io.modelcontextprotocol/logLevel': 'info' })).toEqual(['info', 'error']);
  expect(await call({ 'io.modelcontextprotocol/logLevel': 'emergency' })).toEqual([]);
  expect(await call({ 'io.modelcontextprotocol/logLevel': 'nonsense' })).toEqual([]);
});

test('what a modern client is asked and answers goes through unread', async () => {
  const asked = await raw('modern', 'resources/read', { uri: 'test:input' });
  expect(asked.message?.result).toMatchObject({
    resultType: 'input_required',
    requestState: 'sealed',
  });
  expect(asked.message?.result).not.toHaveProperty('ttlMs');
  const input = { requestState: 'sealed', inputResponses: { ask: { roots: [] } } };
  const read = await raw('modern', 'resources/read', { uri: 'test:input', ...input });
  expect(read.message?.result?.['contents']).toEqual([
    { uri: 'test:input', text: JSON.stringify(input) },
  ]);
  expect(gateway.governed.requests.at(-1)?.params).toEqual({ uri: 'test:input' });
  const called = await raw(
    'modern',
    'tools/call',
    { name: 't_input', arguments: {}, ...input },
    { headers: {} },
  );
  expect(called.message?.result?.content?.[0]?.text).toBe(JSON.stringify(input));
  for (const wrong of [{ requestState: 5 }, { inputResponses: [] }]) {
    const answer = await raw('modern', 'resources/read', { uri: 'test:input', ...wrong });
    expect(answer.message?.error?.code).toBe(-32602);
  }
});
