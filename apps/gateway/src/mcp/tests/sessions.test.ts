import { rawMcp } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';
import { beginSession } from './support/legacy-client.js';

describe('over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const raw = (token: string, method: string, params: Record<string, unknown>, session?: string) =>
    rawMcp(gateway.mcp, method, params, {
      token,
      era: 'legacy',
      headers: session === undefined ? {} : { 'mcp-session-id': session },
    });
  const begin = async (token: string) => {
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    };
    return (await raw(token, 'initialize', params)).headers.get('mcp-session-id')!;
  };
  const end = (token: string, session?: string) =>
    fetch(gateway.mcp, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${token}`,
        ...(session !== undefined && { 'mcp-session-id': session }),
      },
    });

  test('another person’s, a made-up or an ended session is not found, for every method', async () => {
    const alices = await begin('alice');
    const ended = await begin('bob');
    await end('bob', ended);
    for (const session of [alices, 'made-up', ended]) {
      for (const [method, params] of [
        ['ping', {}],
        ['tools/list', {}],
        ['tools/call', { name: 't_echo', arguments: {} }],
      ] as const) {
        const answer = await raw('bob', method, params, session);
        expect([answer.status, answer.message?.error?.code]).toEqual([404, -32001]);
      }
      expect((await end('bob', session)).status).toBe(404);
    }
    expect((await end('bob')).status).toBe(400);
    expect((await end('expired', alices)).status).toBe(401);
    expect((await raw('alice', 'ping', {}, alices)).status).toBe(200);
    expect(gateway.governed.calls).toEqual([]);
  });

  test('a session of one view is not found by another, and the other way round', async () => {
    const known = `${gateway.mcp}/known`;
    for (const [at, other] of [
      [gateway.mcp, known],
      [known, gateway.mcp],
    ] as const) {
      const client = await beginSession(at, 'alice');
      expect((await client.request('ping')).status).toBe(200);
      expect((await client.request('ping', {}, { at: other })).status).toBe(404);
      expect((await client.events({}, other)).status).toBe(404);
      const ended = await fetch(other, {
        method: 'DELETE',
        headers: { authorization: 'Bearer alice', 'mcp-session-id': client.session },
      });
      expect(ended.status).toBe(404);
    }
    const client = await beginSession(gateway.mcp, 'alice');
    expect((await client.request('ping', {}, { at: `${gateway.url}/messages` })).status).toBe(200);
  });

  test('calls work without a session', async () => {
    expect((await raw('alice', 'tools/call', { name: 't_echo', arguments: {} })).status).toBe(200);
  });

  test('a cancellation stops the call of its own session and person, no other with the same id', async () => {
    const [first, second, bobs] = [await begin('alice'), await begin('alice'), await begin('bob')];
    gateway.governed.calls.length = 0;
    const wait = (token: string, session?: string) =>
      raw(token, 'tools/call', { name: 't_wait', arguments: { ms: 700 } }, session);
    const calls = [wait('alice', first), wait('alice', second), wait('bob', bobs), wait('alice')];
    await expect.poll(() => gateway.governed.calls.length).toBe(4);
    const cancel = (token: string, session: string | undefined, requestId: unknown) =>
      fetch(gateway.mcp, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
          ...(session && { 'mcp-session-id': session }),
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId },
        }),
      });
    expect((await cancel('bob', first, 1)).status).toBe(404);
    expect((await cancel('alice', undefined, 1)).status).toBe(202);
    expect((await cancel('alice', first, '1')).status).toBe(202);
    expect((await cancel('alice', first, 1)).status).toBe(202);
    const answers = await Promise.all(calls);
    expect(answers.map(({ message }) => message?.result?.content?.[0]?.text)).toEqual([
      'cancelled',
      'waited',
      'waited',
      'waited',
    ]);
    expect(gateway.inFlight.size).toBe(0);
  });

  test('a dropped connection is no cancellation in this era', async () => {
    gateway.governed.calls.length = 0;
    const abort = new AbortController();
    const call = rawMcp(
      gateway.mcp,
      'tools/call',
      { name: 't_wait', arguments: { ms: 150 } },
      { token: 'alice', era: 'legacy', signal: abort.signal },
    );
    await expect.poll(() => gateway.governed.calls.length).toBe(1);
    abort.abort();
    await expect(call).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(gateway.governed.calls[0]?.aborted).toBe(false);
    expect(gateway.faults).toEqual([]);
  });
});
