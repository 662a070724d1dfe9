import { rawPost } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const post = (body: unknown, headers: Record<string, string> = {}, token = 'alice') =>
  rawPost(gateway.mcp, JSON.stringify(body), { token, headers });

test('2025-03-26: answers in order, notifications without one', async () => {
  const answer = await post(
    [
      request(1, 'tools/call', { name: 't_wait', arguments: { ms: 50 } }),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      request(2, 'ping'),
      request(3, 'nonsense'),
      request(4, 'tools/call', { name: 't_scoped', arguments: {} }),
    ],
    { 'mcp-protocol-version': '2025-03-26' },
  );
  expect(answer.status).toBe(200);
  const answers = JSON.parse(answer.text) as { id: number; error?: { code: number } }[];
  expect(answers.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  expect(answers[2]?.error?.code).toBe(-32601);
});

test('nothing but notifications: 202 without a body', async () => {
  const answer = await post([{ jsonrpc: '2.0', method: 'notifications/initialized' }]);
  expect([answer.status, answer.text]).toEqual([202, '']);
});

test.each([
  ['of another version', [request(1, 'ping')], { 'mcp-protocol-version': '2025-11-25' }],
  ['of the modern era', [request(1, 'ping')], { 'mcp-protocol-version': '2026-07-28' }],
  [
    'with a modern message',
    [
      request(1, 'tools/list', {
        _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
      }),
    ],
    {},
  ],
  ['that begins a session', [request(1, 'initialize', { protocolVersion: '2025-03-26' })], {}],
  ['with nothing in it', [], {}],
  ['with something else in it', [request(1, 'ping'), 5], {}],
  ['of 51', Array.from({ length: 51 }, (_, id) => request(id, 'ping')), {}],
])('a batch %s is refused whole', async (_what, body, headers) => {
  const before = gateway.governed.calls.length;
  const answer = await post(body, headers as Record<string, string>);
  expect([answer.status, answer.message?.error?.code]).toEqual([400, -32600]);
  expect(gateway.governed.calls.length).toBe(before);
});

test('a batch in a session of another version is refused', async () => {
  const begun = await post(
    request(1, 'initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: {} }),
  );
  const answer = await post([request(1, 'ping')], {
    'mcp-session-id': begun.headers.get('mcp-session-id')!,
  });
  expect([answer.status, answer.message?.error?.code]).toEqual([400, -32600]);
});
