// Every refusal that the transport itself makes (CONTRACT, answers of a governed call, last row).
import { connect } from 'node:net';
import { rawMcp, rawPost } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const PING = '{"jsonrpc":"2.0","id":7,"method":"ping"}';
const LEGACY = { 'mcp-protocol-version': '2025-06-18' };

test.each<[string, string, Record<string, string>, number, number]>([
  ['malformed JSON', '{"jsonrpc":"2.0",', {}, 400, -32700],
  ['an empty body', '', {}, 400, -32700],
  ['the same key twice', '{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}', {}, 400, -32700],
  [
    'the same key twice deep inside',
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t_echo","arguments":{"a":{"b":1,"b":2}}}}',
    {},
    400,
    -32700,
  ],
  [
    'a number that would change',
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}',
    {},
    400,
    -32700,
  ],
  ['a value that is no message', '42', {}, 400, -32600],
  ['another jsonrpc version', '{"jsonrpc":"1.0","id":7,"method":"ping"}', {}, 400, -32600],
  ['no method', '{"jsonrpc":"2.0","id":7}', {}, 400, -32600],
  ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', {}, 400, -32600],
  ['an object id', '{"jsonrpc":"2.0","id":{},"method":"ping"}', {}, 400, -32600],
  ['positional params', '{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', {}, 400, -32600],
  ['a response nobody asked for', '{"jsonrpc":"2.0","id":7,"result":{}}', {}, 400, -32600],
  ['a batch', `[${PING}]`, {}, 400, -32600],
  ['text', PING, { 'content-type': 'text/plain' }, 415, -32600],
  ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, -32600],
  ['a compressed body', PING, { 'content-encoding': 'gzip' }, 415, -32600],
  ['2 MiB and a byte', `{"x":"${'a'.repeat(2 * 1024 * 1024 - 7)}"}`, {}, 413, -32600],
  ['an unreadable Accept', PING, { accept: 'text/html' }, 406, -32000],
  ['a version never served', PING, { 'mcp-protocol-version': '2025-01-01' }, 400, -32000],
])('%s', async (_name, body, headers, status, code) => {
  const answer = await rawPost(gateway.mcp, body, {
    token: 'alice',
    headers: { ...LEGACY, ...headers },
  });
  expect([answer.status, answer.message?.error?.code]).toEqual([status, code]);
  expect(gateway.governed.calls).toEqual([]);
});

test('a client that sends too much may finish, and reads why it was refused', async () => {
  const { hostname, port, pathname } = new URL(gateway.mcp);
  const socket = connect(Number(port), hostname);
  let text = '';
  const broke = vi.fn();
  socket.on('data', (chunk) => (text += String(chunk))).on('error', broke);
  const size = 8 * 1024 * 1024;
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer alice\r\ncontent-type: application/json\r\ncontent-length: ${size}\r\n\r\n`,
  );
  const piece = Buffer.alloc(size / 64, 'a');
  for (let n = 0; n < 64; n++) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await expect.poll(() => text).toMatch(/^HTTP\/1\.1 413 /);
  expect(broke).not.toHaveBeenCalled();
  socket.destroy();
});

test('exactly 2 MiB is read', async () => {
  const empty = '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":""}}';
  const body = empty.replace('""', `"${'a'.repeat(2 * 1024 * 1024 - empty.length)}"`);
  expect((await rawPost(gateway.mcp, body, { token: 'alice', headers: LEGACY })).status).toBe(200);
});

test('a refusal of one request closes no connection of others', async () => {
  await rawPost(gateway.mcp, `{"x":"${'a'.repeat(2 * 1024 * 1024)}"}`, { token: 'alice' });
  const answer = await rawPost(gateway.mcp, PING, { token: 'alice', headers: LEGACY });
  expect(answer.headers.get('connection')).toBe('keep-alive');
});

test('a body that is not UTF-8', async () => {
  const response = await fetch(gateway.mcp, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer alice' },
    body: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
  });
  expect(response.status).toBe(400);
  expect(((await response.json()) as { error: { code: number } }).error.code).toBe(-32700);
});

test.each([
  '{"jsonrpc":',
  '[]',
  '{"jsonrpc":"2.0","id":7,"method":"nonsense"}',
  PING,
  `{"x":"${'a'.repeat(100_000)}"}`,
])('without a valid token, nothing is said about the request itself (body %#)', async (body) => {
  for (const token of [undefined, 'expired']) {
    for (const headers of [
      {},
      LEGACY,
      { 'mcp-protocol-version': '2026-07-28' },
      { 'mcp-protocol-version': '1999-01-01' },
    ]) {
      const answer = await rawPost(gateway.mcp, body, {
        token,
        headers: headers as Record<string, string>,
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(
        /^Bearer resource_metadata="https:.*", error="invalid_token"$/,
      );
    }
  }
});

test('a challenge carries the id of its request', async () => {
  const answer = await rawPost(gateway.mcp, PING, { headers: LEGACY, id: 7 });
  expect(answer.message).toMatchObject({ id: 7, error: { code: -32001 } });
});

test('GET is for those who are signed in and read streams; PUT for nobody', async () => {
  const send = (
    path: string,
    token?: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ) =>
    fetch(gateway.url + path, {
      method,
      headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
    });
  const stream = { accept: 'text/event-stream' };
  for (const path of ['/mcp', '/sse', '/mcp/known']) {
    expect((await send(path, undefined, stream)).status).toBe(401);
    expect((await send(path, 'alice', { accept: 'application/json' })).status).toBe(406);
    expect((await send(path, 'alice', { ...stream, 'mcp-session-id': 'x' })).status).toBe(404);
    expect((await send(path, 'alice', {}, 'HEAD')).status).toBe(405);
    const put = await send(path, 'alice', {}, 'PUT');
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE, OPTIONS']);
    // 2026-07-28 has no GET.
    const modern = { ...stream, 'mcp-protocol-version': '2026-07-28' };
    expect((await send(path, 'alice', modern)).status).toBe(405);
    const unserved = await send(path, 'alice', { ...stream, 'mcp-protocol-version': '2025-01-01' });
    expect([unserved.status, await unserved.json()]).toMatchObject([
      400,
      { error: { code: -32000, message: expect.stringContaining('2025-01-01') } },
    ]);
  }
});

test('a view that is not there is not found, after authentication; other paths at once', async () => {
  const call = (path: string, token?: string) =>
    rawMcp(gateway.url + path, 'tools/list', {}, { token });
  expect((await call('/mcp/unknown')).status).toBe(401);
  const unknown = await call('/mcp/unknown', 'alice');
  expect([unknown.status, unknown.message?.id, unknown.message?.error?.code]).toEqual([
    404, 1, -32000,
  ]);
  expect((await call('/mcp/known', 'alice')).status).toBe(200);
  expect((await call('/mcp/known/', 'alice')).status).toBe(200);
  expect(gateway.governed.contexts.at(-1)?.resourcePath).toBe('/mcp/known');
  for (const path of ['/mcp/Not-A-Slug', '/mcp/a/b', '/mcp/%2e%2e', `/mcp/${'a'.repeat(25)}`])
    expect((await call(path)).status).toBe(404);
});

test('a defect says nothing of itself', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    const answer = await rawMcp(
      gateway.mcp,
      'tools/call',
      { name: 't_defect', arguments: {} },
      { token: 'alice', era },
    );
    expect([answer.status, answer.message?.error?.code]).toEqual([500, -32603]);
    expect(answer.text).not.toContain('secret');
  }
  expect(gateway.faults.splice(0)).toHaveLength(2);
});

test.each(['legacy', 'modern'] as const)(
  'answers of the story keep their status and headers (%s)',
  async (era) => {
    const call = (name: string) =>
      rawMcp(gateway.mcp, 'tools/call', { name, arguments: {} }, { token: 'alice', era });
    const scoped = await call('t_scoped');
    expect(scoped.status).toBe(403);
    expect(scoped.headers.get('www-authenticate')).toContain(
      'error="insufficient_scope", scope="mcp:read mcp:write"',
    );
    expect(scoped.message?.result).toMatchObject({
      isError: true,
      _meta: { 'mcp/www_authenticate': ['x'] },
    });
    const limited = await call('t_limited');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([200, '2']);
    expect((await call('t_unrecordable')).status).toBe(503);
    const unknown = await call('t_nothing');
    expect([unknown.status, unknown.message?.error?.code]).toEqual([200, -32602]);
  },
);

test.each([
  ['a missing name', {}],
  ['a name that is no text', { name: 5 }],
  ['arguments that are a list', { name: 't_echo', arguments: [1] }],
  [
    'two idempotency keys',
    { name: 't_echo', arguments: {}, _meta: { 'conducktor/idempotencyKey': 'b' } },
  ],
  [
    'an endless idempotency key',
    { name: 't_echo', arguments: {}, _meta: { 'conducktor/idempotencyKey': 'b'.repeat(256) } },
  ],
])('tools/call with %s is -32602', async (what, params) => {
  const before = gateway.governed.calls.length;
  const headers: Record<string, string> = what.startsWith('two') ? { 'idempotency-key': 'a' } : {};
  const answer = await rawMcp(gateway.mcp, 'tools/call', params, {
    token: 'alice',
    era: 'legacy',
    headers,
    meta: (params as { _meta?: Record<string, unknown> })._meta,
  });
  expect(answer.message?.error?.code).toBe(-32602);
  expect(gateway.governed.calls.length).toBe(before);
});

test('the idempotency key reaches the story from the header or from _meta', async () => {
  const params = { name: 't_echo', arguments: {} };
  await rawMcp(gateway.mcp, 'tools/call', params, {
    token: 'alice',
    headers: { 'idempotency-key': 'k1' },
  });
  await rawMcp(gateway.mcp, 'tools/call', params, {
    token: 'alice',
    meta: { 'conducktor/idempotencyKey': 'k2' },
  });
  expect(gateway.governed.calls.slice(-2).map((call) => call.input.idempotencyKey)).toEqual([
    'k1',
    'k2',
  ]);
});
