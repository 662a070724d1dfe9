import { rawMcp } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEGACY_VERSIONS, negotiateVersion, SERVED_VERSIONS } from '../versions.js';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

test('the versions that we serve, newest first', () => {
  expect(SERVED_VERSIONS).toEqual([
    '2026-07-28',
    '2025-11-25',
    '2025-06-18',
    '2025-03-26',
    '2024-11-05',
  ]);
});

test.each([
  ['2025-11-25', '2025-11-25'],
  ['2024-11-05', '2024-11-05'],
  ['2025-01-01', '2024-11-05'],
  ['2025-05-01', '2025-03-26'],
  ['2026-01-01', '2025-11-25'],
  ['2026-07-28', '2025-11-25'],
  ['2099-01-01', '2025-11-25'],
  ['2020-01-01', '2025-11-25'],
  ['DRAFT-2026', '2025-11-25'],
  [undefined, '2025-11-25'],
])('initialize with %s is answered with %s', (asked, answered) => {
  expect(negotiateVersion(asked)).toBe(answered);
});

describe.each(LEGACY_VERSIONS)('a client of %s', (version) => {
  const raw = (
    method: string,
    params: Record<string, unknown>,
    headers: Record<string, string> = {},
  ) =>
    rawMcp(gateway.mcp, method, params, {
      token: 'alice',
      era: 'legacy',
      // The header exists since 2025-06-18.
      headers: { 'mcp-protocol-version': version >= '2025-06-18' ? version : '', ...headers },
    });

  test('begins a session, lists, calls, pings and ends', async () => {
    const begun = await raw('initialize', {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    });
    expect(begun.message?.result).toMatchObject({
      protocolVersion: version,
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        completions: {},
        logging: {},
      },
      serverInfo: { name: 'conducktor' },
    });
    const session = { 'mcp-session-id': begun.headers.get('mcp-session-id')! };
    expect((await raw('ping', {}, session)).message?.result).toEqual({});
    const list = await raw('tools/list', {}, session);
    expect(list.message?.result).not.toHaveProperty('resultType');
    expect(list.message?.result?.['tools']).toContainEqual(
      expect.objectContaining({ name: 't_echo', 'x-unknown': 'kept' }),
    );
    const called = await raw('tools/call', { name: 't_echo', arguments: { version } }, session);
    expect(called.message?.result?.content?.[0]?.text).toContain(version);
    expect(gateway.governed.calls.at(-1)?.input.context).toMatchObject({
      era: 'legacy',
      protocolVersion: version,
    });
    const unknown = await raw('nonsense/method', {}, session);
    expect([unknown.status, unknown.message?.error?.code]).toEqual([200, -32601]);
    const ended = await fetch(gateway.mcp, {
      method: 'DELETE',
      headers: { authorization: 'Bearer alice', ...session },
    });
    expect(ended.status).toBe(204);
    expect((await raw('ping', {}, session)).status).toBe(404);
  });

  test('gets only content that it knows', async () => {
    const begun = await raw('initialize', {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    });
    const session = { 'mcp-session-id': begun.headers.get('mcp-session-id')! };
    const { message } = await raw('tools/call', { name: 't_kinds', arguments: {} }, session);
    const kinds = message?.result?.content?.map((item) => item.type);
    expect(kinds).toEqual([
      version >= '2025-03-26' ? 'audio' : 'text',
      version >= '2025-06-18' ? 'resource_link' : 'text',
      'image',
    ]);
  });
});

test('a session remembers its version where no header can say it', async () => {
  const begun = await rawMcp(
    gateway.mcp,
    'initialize',
    { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    { token: 'alice', era: 'legacy', headers: { 'mcp-protocol-version': '' } },
  );
  const headers = {
    'mcp-session-id': begun.headers.get('mcp-session-id')!,
    'mcp-protocol-version': '',
  };
  await rawMcp(
    gateway.mcp,
    'tools/call',
    { name: 't_echo', arguments: {} },
    { token: 'alice', era: 'legacy', headers },
  );
  expect(gateway.governed.calls.at(-1)?.input.context.protocolVersion).toBe('2024-11-05');
});
