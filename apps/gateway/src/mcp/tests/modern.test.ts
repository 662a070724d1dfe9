import { rawMcp, rawPost } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SERVED_VERSIONS } from '../versions.js';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const raw = (
  method: string,
  params: Record<string, unknown> = {},
  options: Record<string, unknown> = {},
) => rawMcp(gateway.mcp, method, params, { token: 'alice', ...options });
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const META_SERVER = 'io.modelcontextprotocol/serverInfo';

test('server/discover lists every version that is served', async () => {
  const { status, message } = await raw('server/discover');
  expect(status).toBe(200);
  expect(message?.result).toMatchObject({
    resultType: 'complete',
    supportedVersions: SERVED_VERSIONS,
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      extensions: { 'io.modelcontextprotocol/ui': {} },
    },
    cacheScope: 'private',
    ttlMs: expect.any(Number),
    _meta: { [META_SERVER]: { name: 'conducktor', version: expect.any(String) } },
  });
});

test('either era’s greeting says of its own path what the story says of that', async () => {
  const instructions = async (path: string, era: 'legacy' | 'modern') => {
    const [method, params] =
      era === 'legacy'
        ? ['initialize', { protocolVersion: '2025-11-25', capabilities: {} }]
        : ['server/discover', {}];
    const at = `${gateway.url}${path}`;
    const { message } = await rawMcp(at, method as string, params as Record<string, unknown>, {
      token: 'alice',
      era,
    });
    return message!.result!['instructions'] as string;
  };
  for (const era of ['legacy', 'modern'] as const) {
    const general = await instructions('/mcp', era);
    expect(general).toContain('policy');
    expect(await instructions('/mcp/known', era)).toBe(`${general}\nThis one is known.`);
  }
});

test('tools/list is private, says how long it may be kept, and is the same every time', async () => {
  const first = await raw('tools/list');
  expect(first.message?.result).toMatchObject({
    resultType: 'complete',
    cacheScope: 'private',
    ttlMs: 30_000,
  });
  expect((await raw('tools/list')).text).toBe(first.text);
});

test('every result says its type and who answered', async () => {
  for (const name of ['t_echo', 't_structured', 't_limited']) {
    const { message } = await raw('tools/call', { name, arguments: {} });
    expect(message?.result).toMatchObject({
      resultType: 'complete',
      _meta: { [META_SERVER]: { name: 'conducktor' } },
    });
  }
});

test.each([
  ['without _meta', { params: {} }, 'missing'],
  ['without a version in _meta', { params: { _meta: { [CAPABILITIES]: {} } } }, 'missing'],
  ['without capabilities', { params: { _meta: { [VERSION]: '2026-07-28' } } }, 'missing'],
  [
    'with capabilities of another type',
    { params: { _meta: { [VERSION]: '2026-07-28', [CAPABILITIES]: [] } } },
    'object',
  ],
  [
    'with a client without a name',
    {
      params: {
        _meta: {
          [VERSION]: '2026-07-28',
          [CAPABILITIES]: {},
          'io.modelcontextprotocol/clientInfo': {},
        },
      },
    },
    'name',
  ],
])('a request %s: 400 and -32602', async (_what, part, word) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 101, method: 'server/discover', ...part });
  const answer = await rawPost(gateway.mcp, body, {
    token: 'alice',
    id: 101,
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' },
  });
  expect([answer.status, answer.message?.error?.code, answer.message?.id]).toEqual([
    400, -32602, 101,
  ]);
  expect(JSON.stringify(answer.message?.error)).toContain(word);
});

test('a version that is not served: 400, -32022, those that are, and the one asked for', async () => {
  for (const version of ['v999.0.0', '2027-01-01', '2025-11-25']) {
    const { status, message } = await raw(
      'server/discover',
      {},
      {
        headers: { 'mcp-protocol-version': version },
        meta: { [VERSION]: version },
      },
    );
    expect([status, message?.error?.code, message?.error?.data]).toEqual([
      400,
      -32022,
      { supported: SERVED_VERSIONS, requested: version },
    ]);
  }
});

test.each([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'unknown/method',
  'constructor',
])('%s is not of this era or not served: 404 and -32601', async (method) => {
  const answer = await raw(method);
  expect([answer.status, answer.message?.error?.code, answer.message?.id]).toEqual([
    404, -32601, 1,
  ]);
});

test('initialize under a modern header is no handshake: 400 and -32020', async () => {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25' },
  });
  const answer = await rawPost(gateway.mcp, body, {
    token: 'alice',
    headers: { 'mcp-protocol-version': '2026-07-28' },
  });
  expect([answer.status, answer.message?.error?.code]).toEqual([400, -32020]);
});

test('a capability that is missing: 400 and -32021 with what is needed', async () => {
  const { status, message } = await raw('tools/call', { name: 't_needs_sampling', arguments: {} });
  expect([status, message?.error?.code, message?.error?.data]).toEqual([
    400,
    -32021,
    { requiredCapabilities: { sampling: {} } },
  ]);
});

test('notifications are accepted without a claim, by their header', async () => {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/whatever' });
  const post = (headers: Record<string, string>) =>
    rawPost(gateway.mcp, body, { token: 'alice', headers });
  expect((await post({ 'mcp-protocol-version': '2026-07-28' })).status).toBe(202);
  expect((await post({ 'mcp-protocol-version': '2027-01-01' })).message?.error?.code).toBe(-32022);
  expect(
    (await post({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'other' })).message?.error
      ?.code,
  ).toBe(-32020);
});

test('sessions do not exist here: an id is ignored', async () => {
  const answer = await raw('tools/list', {}, { headers: { 'mcp-session-id': 'anything' } });
  expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([200, null]);
});

test('closing the connection cancels the call', async () => {
  const abort = new AbortController();
  const call = raw('tools/call', { name: 't_wait', arguments: {} }, { signal: abort.signal }).catch(
    () => 'closed',
  );
  await expect.poll(() => gateway.governed.calls.at(-1)?.name).toBe('t_wait');
  expect(gateway.governed.calls.at(-1)?.aborted).toBe(false);
  abort.abort();
  expect(await call).toBe('closed');
  await expect.poll(() => gateway.governed.calls.at(-1)?.aborted).toBe(true);
  expect(gateway.faults).toEqual([]);
});

test('structured content of any kind stays as it is, with its text beside it', async () => {
  const { message } = await raw('tools/call', { name: 't_number', arguments: {} });
  expect(message?.result).toMatchObject({
    structuredContent: 42,
    content: [{ type: 'text', text: '42' }],
  });
  const list = (await raw('tools/list')).message?.result?.['tools'];
  expect(list).toContainEqual(
    expect.objectContaining({ name: 't_number', outputSchema: { type: 'number' } }),
  );
});
