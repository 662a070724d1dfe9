// Whatever is asked besides tools/call takes from one allowance: over HTTP, with the real story behind.
import { rawMcp, rawPost, type RawAnswer } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../mcp/tests/support/gateway.js';
import { beginSession, type LegacyClient } from '../mcp/tests/support/legacy-client.js';
import { startGovernedStack, type GovernedStack } from './support/governed-stack.js';

const ALLOWED = 10;
let stack: GovernedStack;
let gateway: TestGateway;
let token: string;
let client: LegacyClient;

beforeAll(async () => {
  stack = await startGovernedStack({ ratePerMinute: ALLOWED / 10 });
  const id = await stack.connect('docs', { tools: {} }, () => ({
    outcome: 'ok',
    resultJson: '{"content":[]}',
    durationMs: 1,
  }));
  await stack.addTool(id, 'docs', 'search');
  gateway = await startGateway({ mcp: stack.governed.mcp });
  token = stack.people.member.apiKey;
  client = await beginSession(gateway.mcp, token, {}, '2025-03-26');
});
afterAll(async () => {
  await gateway.close();
  await stack.stop();
});

const raw = (era: 'legacy' | 'modern', method: string, params: Record<string, unknown> = {}) =>
  rawMcp(gateway.mcp, method, params, { token, era });
/** Until there is none left; how many there were. */
const useUp = async (): Promise<number> => {
  for (let count = 0; ; count++) if ((await raw('legacy', 'ping')).status === 429) return count;
};
const http = async (method: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(gateway.mcp, {
    method,
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
  });
  await answer.body?.cancel();
  return answer;
};

test('as many as are allowed pass, in either era, and no more', async () => {
  // The session that was begun took the first.
  expect(await useUp()).toBe(ALLOWED - 1);
  const refused = await raw('modern', 'server/discover');
  expect(refused.status).toBe(429);
  expect(refused.message).toMatchObject({
    id: 1,
    error: {
      code: -32_003,
      message: expect.stringMatching(/^Too many requests\. Try again in \d s\.$/),
      data: { _meta: { 'conducktor/code': 'rate_limited' } },
    },
  });
  expect(await stack.records()).toContainEqual(
    expect.objectContaining({ tool: 'server/discover', decision: 'deny', code: 'rate_limited' }),
  );
});

type Send = () => Promise<Pick<RawAnswer, 'status' | 'headers'>>;
const request = (
  method: string,
  era: 'legacy' | 'modern',
  params: Record<string, unknown> = {},
): [string, Send] => [
  `${method} ${JSON.stringify(params)} (${era})`,
  () => raw(era, method, params),
];
const LISTEN = 'subscriptions/listen';
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

test.each<[string, Send]>([
  request('initialize', 'legacy', { protocolVersion: '2025-06-18', capabilities: {} }),
  request('ping', 'legacy'),
  request('logging/setLevel', 'legacy', { level: 'info' }),
  request('resources/subscribe', 'legacy', { uri: 'docs+file:///a' }),
  request('resources/unsubscribe', 'legacy', { uri: 'docs+file:///a' }),
  request('server/discover', 'modern'),
  request(LISTEN, 'modern', { notifications: {} }),
  request(LISTEN, 'modern', { notifications: { toolsListChanged: true } }),
  request(LISTEN, 'modern', { notifications: { resourceSubscriptions: ['docs+file:///a'] } }),
  request(LISTEN, 'modern', { notifications: 5 }),
  request('nonsense', 'legacy'),
  request('nonsense', 'modern'),
  request('tools/call', 'modern', { arguments: {} }),
  request('tools/list', 'legacy'),
  request('tools/list', 'modern', { cursor: 'made up' }),
  request('resources/list', 'legacy'),
  request('resources/list', 'modern'),
  request('prompts/list', 'modern', { cursor: 5 }),
  [
    'a cancellation',
    () => client.post({ method: 'notifications/cancelled', params: { requestId: 1 } }),
  ],
  ['a response', () => client.post({ id: 'x', result: {} })],
  [
    'a batch with one',
    () =>
      rawPost(gateway.mcp, `[${PING}]`, { token, headers: { 'mcp-session-id': client.session } }),
  ],
  [
    'a message for a stream of 2024-11-05',
    () => rawPost(`${gateway.mcp}?sessionId=x`, PING, { token }),
  ],
  ['a GET without a session', () => http('GET')],
  ['a GET of a session', () => http('GET', { 'mcp-session-id': client.session })],
  ['a DELETE', () => http('DELETE', { 'mcp-session-id': client.session })],
])('beyond that %s is answered 429 with Retry-After', async (_name, send) => {
  await useUp();
  const answer = await send();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([
    429,
    expect.stringMatching(/^[1-6]$/),
  ]);
});

test('calls have their own, and what says nothing to us has none', async () => {
  await useUp();
  const call = await rawMcp(
    gateway.mcp,
    'tools/call',
    { name: 'docs_search', arguments: {} },
    { token },
  );
  expect(call.message?.result).toMatchObject({ content: [] });
  expect((await client.post({ method: 'notifications/initialized' })).status).toBe(202);
});
