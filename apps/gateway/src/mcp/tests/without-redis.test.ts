// Redis away, coming back, and forgetting everything.
import {
  connectRevision,
  createTestDatabase,
  startFaultProxy,
  type FaultProxy,
} from '@conducktor/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEvents } from './support/events.js';
import { connected, newSessionKey, startGateway, type TestGateway } from './support/gateway.js';
import { beginSession } from './support/legacy-client.js';

describe('without Redis from the start', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  test('sessions begin, list, call, ask on their own stream, cancel and end', async () => {
    const client = await beginSession(gateway.mcp, 'alice', { elicitation: {} });
    expect((await client.request('tools/list')).status).toBe(200);
    const params = { name: 't_echo', arguments: {} };
    expect((await client.request('tools/call', params)).status).toBe(200);
    const asking = client.request('tools/call', { name: 't_ask', arguments: {} }, { id: 3 });
    await expect.poll(() => gateway.sessions.waiting.size).toBe(1);
    await client.post({ method: 'notifications/cancelled', params: { requestId: 3 } });
    expect(JSON.stringify((await asking).messages)).toContain('cancelled');
    const ended = await fetch(gateway.mcp, {
      method: 'DELETE',
      headers: { authorization: 'Bearer alice', 'mcp-session-id': client.session },
    });
    expect(ended.status).toBe(204);
    expect((await client.request('ping')).status).toBe(404);
  });

  test('what must be remembered is refused for now, with a sentence', async () => {
    const client = await beginSession(gateway.mcp, 'alice');
    for (const [method, params] of [
      ['logging/setLevel', { level: 'error' }],
      ['resources/subscribe', { uri: 'test:a' }],
      ['resources/unsubscribe', { uri: 'test:a' }],
    ] as const) {
      const { status, message } = await client.request(method, params);
      expect([status, message?.error?.code]).toEqual([503, -32603]);
      expect(message?.error?.message).toContain('Try again');
    }
    const stream = await client.events();
    await stream.ended;
    expect([stream.status, JSON.parse(stream.text).error.code]).toEqual([503, -32603]);
    const foreign = { id: `AAAAAAAAAAAA.AAAAAAAAAAAA`, result: {} };
    expect((await client.post(foreign)).status).toBe(503);
  });

  test('the transport of 2024-11-05 works on the gateway that has the stream', async () => {
    const client = await connectRevision('2024-11-05', `${gateway.url}/sse`, 'alice', {
      roots: () => ({ roots: [] }),
    });
    const asked = await client.callTool('t_ask', { method: 'roots/list' });
    expect(JSON.stringify(asked)).toContain('roots');
    await client.subscribe('test:a');
    await client.close();
    expect(gateway.faults).toEqual([]);
  });
});

describe('with a Redis that fails', () => {
  let proxy: FaultProxy;
  let redis: Redis;
  let gateway: TestGateway;
  let direct: string;
  let drop: () => Promise<void>;
  const sessionKey = newSessionKey();
  beforeAll(async () => {
    const database = await createTestDatabase();
    drop = () => database.drop();
    direct = database.redisUrl;
    redis = new Redis(direct);
    const behind = new URL(direct);
    proxy = await startFaultProxy({ port: Number(behind.port) });
    behind.port = String(proxy.port);
    gateway = await startGateway({ redisUrl: behind.href, sessionKey });
    await connected(gateway);
  });
  afterAll(async () => {
    await gateway.close();
    await proxy.close();
    redis.disconnect();
    await drop();
  });

  test('streams outlast its absence and can be reached from elsewhere again after it', async () => {
    const client = await beginSession(gateway.mcp, 'alice');
    const stream = await client.events();
    await client.request('resources/subscribe', { uri: 'test:a' });
    await proxy.set('reset');
    await expect
      .poll(async () => (await client.request('resources/subscribe', { uri: 'test:b' })).status)
      .toBe(503);
    gateway.governed.emit({ kind: 'resource-updated', uri: 'test:a' });
    await expect.poll(() => stream.messages).toHaveLength(1);
    expect((await client.request('tools/call', { name: 't_echo', arguments: {} })).status).toBe(
      200,
    );
    await proxy.set('pass');
    const other = await startGateway({ redisUrl: direct, sessionKey });
    await connected(other);
    // Subscribed through the other one, held by this one.
    await expect
      .poll(
        async () =>
          (await client.request('resources/subscribe', { uri: 'test:c' }, { at: other.mcp }))
            .status,
        { timeout: 30_000, interval: 100 },
      )
      .toBe(200);
    await expect.poll(() => gateway.governed.listening.map(({ uri }) => uri)).toContain('test:c');
    stream.close();
    await other.close();
  });

  test('a connection that broke without a word is made anew, and what was missed is found', async () => {
    const client = await beginSession(gateway.mcp, 'alice');
    const stream = await client.events();
    const other = await startGateway({ redisUrl: direct, sessionKey });
    await connected(other);
    const alice = 'tenant alice client';
    const session = other.sessions.verify(client.session, alice)!;
    const { redis: connection } = gateway.sessions.bus;
    await proxy.set('half-open');
    await other.sessions.store.addUri(session, alice, 'test:meanwhile');
    await expect.poll(() => connection.status, { timeout: 30_000 }).not.toBe('ready');
    await proxy.set('pass');
    await expect
      .poll(() => gateway.governed.listening.map(({ uri }) => uri), { timeout: 30_000 })
      .toContain('test:meanwhile');
    stream.close();
    await other.close();
  });

  test('a call of a session does not wait for a Redis that does not answer', async () => {
    const client = await beginSession(gateway.mcp, 'alice', { elicitation: {} });
    await client.request('logging/setLevel', { level: 'error' });
    await proxy.set('half-open');
    const began = performance.now();
    for (let n = 0; n < 5; n++) {
      const called = await client.request('tools/call', { name: 't_echo', arguments: {} });
      expect(called.status).toBe(200);
    }
    // One command waits for a second.
    expect(performance.now() - began).toBeLessThan(900);
    expect(gateway.governed.calls.at(-1)?.input.context.logLevel).toBe('error');
    await proxy.set('pass');
    await expect
      .poll(async () => (await client.request('logging/setLevel', { level: 'info' })).status, {
        timeout: 30_000,
      })
      .toBe(200);
  });

  test('a session whose state was flushed ends where the state is needed, and only there', async () => {
    const client = await beginSession(gateway.mcp, 'alice');
    expect((await client.request('resources/subscribe', { uri: 'test:a' })).status).toBe(200);
    await redis.flushdb();
    expect((await client.request('tools/call', { name: 't_echo', arguments: {} })).status).toBe(
      200,
    );
    const stream = await openEvents(gateway.mcp, 'alice', { 'mcp-session-id': client.session });
    await stream.ended;
    expect([stream.status, JSON.parse(stream.text).error.message]).toEqual([
      404,
      expect.stringContaining('Initialize again'),
    ]);
    expect((await client.request('resources/subscribe', { uri: 'test:a' })).status).toBe(404);
    const again = await beginSession(gateway.mcp, 'alice');
    expect((await again.request('resources/subscribe', { uri: 'test:a' })).status).toBe(200);
    expect(gateway.faults).toEqual([]);
  });
});
