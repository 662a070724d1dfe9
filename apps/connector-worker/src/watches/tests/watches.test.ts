import type { ServerResponse } from 'node:http';
import type { UpstreamEvent, WatchRequest } from '@conducktor/contracts';
import type { Watching } from '@conducktor/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type LegacySdkServer,
  type ModernSdkServer,
  startLegacySdkServer,
  startModernSdkServer,
} from '../../http/tests/sdk-servers.js';
import {
  json,
  type RawServer,
  startRawServer,
  startTestWorker,
  type TestWorker,
} from '../../tests/support.js';

let test: TestWorker;
let legacy: LegacySdkServer;
let modern: ModernSdkServer;
let ids: { legacy: string; modern: string };
beforeAll(async () => {
  [test, legacy, modern] = await Promise.all([
    startTestWorker(),
    startLegacySdkServer(),
    startModernSdkServer(),
  ]);
  ids = {
    legacy: await test.connect({ url: legacy.url }),
    modern: await test.connect({ url: modern.url }),
  };
});
afterAll(async () => {
  await test.stop();
  await Promise.all([legacy.close(), modern.close()]);
});

interface Listener {
  events: UpstreamEvent[];
  ends: string[];
  watching: Watching;
}

async function watch(connectionId: string, more: Partial<WatchRequest>): Promise<Listener> {
  const events: UpstreamEvent[] = [];
  const ends: string[] = [];
  const watching = await test.client.watch(
    {
      tenantId: test.tenantId,
      memberId: 'mem_a',
      connectionId,
      revision: 1,
      lists: false,
      uris: [],
      timeoutMs: 5_000,
      ...more,
    },
    { onEvent: (event) => events.push(event), onClosed: (reason) => ends.push(reason) },
  );
  return { events, ends, watching };
}

describe('resources of a legacy server', () => {
  it('are subscribed once for each member and URI, until the last watch goes', async () => {
    const [one, two] = await Promise.all([
      watch(ids.legacy, { uris: ['note://a'] }),
      watch(ids.legacy, { uris: ['note://a', 'note://b'] }),
    ]);
    expect(one.watching.ok && two.watching.ok).toBe(true);
    expect(legacy.subscriptions.splice(0).sort()).toEqual(['+note://a', '+note://b']);
    const other = await watch(ids.legacy, { uris: ['note://a'], memberId: 'mem_b' });
    expect(legacy.subscriptions.splice(0)).toEqual(['+note://a']);
    await legacy.updated('note://a');
    const update = { kind: 'resource-updated', uri: 'note://a', params: { uri: 'note://a' } };
    for (const { events } of [one, two, other])
      await expect.poll(() => events.splice(0)).toEqual([update]);
    one.watching.close();
    two.watching.close();
    await expect.poll(() => legacy.subscriptions.splice(0)).toEqual(['-note://a', '-note://b']);
    await legacy.updated('note://a');
    await expect.poll(() => other.events).toEqual([update]);
    expect(one.events).toEqual([]);
    other.watching.close();
    await expect.poll(() => legacy.subscriptions.splice(0)).toEqual(['-note://a']);
  });

  it('that may not be subscribed to are refused in the words of the server', async () => {
    const { watching } = await watch(ids.legacy, { uris: ['no:thing'] });
    expect(watching).toMatchObject({ ok: false, error: { message: 'not here' } });
    legacy.subscriptions.splice(0);
  });

  it('are subscribed again when the server forgets its sessions, and the gap is told', async () => {
    const one = await watch(ids.legacy, { uris: ['note://a'] });
    legacy.subscriptions.splice(0);
    await legacy.forget();
    await expect.poll(() => one.events, { timeout: 30_000 }).toContainEqual({ kind: 'gap' });
    expect(legacy.subscriptions).toEqual(['+note://a']);
    one.events.splice(0);
    await legacy.updated('note://a');
    await expect.poll(() => one.events).toMatchObject([{ uri: 'note://a' }]);
    one.watching.close();
  }, 15_000);
});

describe('resources of a modern server', () => {
  it('share one stream for each member, which is left when nobody listens', async () => {
    const one = await watch(ids.modern, { uris: ['note://a'] });
    const two = await watch(ids.modern, { uris: ['note://b'] });
    expect(one.watching.ok && two.watching.ok).toBe(true);
    await expect.poll(() => modern.streams).toBe(1);
    modern.updated('note://b');
    await expect
      .poll(() => two.events)
      .toMatchObject([{ kind: 'resource-updated', uri: 'note://b' }]);
    one.watching.close();
    modern.updated('note://b');
    await expect.poll(() => two.events.length).toBe(2);
    expect(one.events).toEqual([]);
    two.watching.close();
    await expect.poll(() => modern.streams).toBe(0);
  });
});

describe('lists', () => {
  it.each(['legacy', 'modern'] as const)('of a %s server: their changes are told', async (era) => {
    const one = await watch(ids[era], { lists: true });
    expect(one.watching.ok).toBe(true);
    // A legacy server says it during a call of somebody else.
    if (era === 'legacy') await test.call(ids.legacy, 'grow', {}, { memberId: 'mem_c' });
    else modern.toolsChanged();
    await expect.poll(() => one.events).toEqual([{ kind: 'list-changed', list: 'tools' }]);
    one.watching.close();
  });

  it('a server that says nothing outside of calls can be listened to all the same', async () => {
    const raw = await rawServer((response) => response.writeHead(405).end());
    const one = await watch(raw.id, { lists: true });
    expect(one.watching.ok).toBe(true);
    const two = await watch(raw.id, { uris: ['note://a'] });
    expect(two.watching).toMatchObject({
      ok: false,
      message: expect.stringContaining('no stream'),
    });
    await raw.server.close();
  });
});

describe('a watch', () => {
  it('ends when the connection is changed', async () => {
    const raw = await rawServer((response) => eventStream(response));
    const one = await watch(raw.id, { uris: ['note://a'] });
    expect(one.watching.ok).toBe(true);
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query('update connection set revision = 2 where id = $1', [raw.id]),
    );
    const two = await watch(raw.id, { uris: ['note://a'], revision: 2 });
    await expect.poll(() => one.ends).toHaveLength(1);
    two.watching.close();
    await raw.server.close();
  });

  it('hears a flood of updates thinned out', async () => {
    let pour!: (message: unknown) => void;
    const raw = await rawServer((response) => (pour = eventStream(response)));
    const one = await watch(raw.id, { uris: ['note://a', 'note://b/'] });
    for (let n = 0; n < 5_000; n++)
      pour({
        jsonrpc: '2.0',
        method: 'notifications/resources/updated',
        params: { uri: 'note://a', n },
      });
    for (const uri of ['note://b/below', 'note://another'])
      pour({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });
    await expect
      .poll(() => one.events.some((event) => 'uri' in event && event.uri === 'note://b/'))
      .toBe(true);
    await expect.poll(() => one.events.at(-1)).toMatchObject({ params: { n: 4_999 } });
    expect(one.events.length).toBeLessThan(20);
    expect(JSON.stringify(one.events)).not.toContain('another');
    one.watching.close();
    await raw.server.close();
  });

  it('of an unknown connection is refused', async () => {
    expect((await watch('con_unknown', { lists: true })).watching.ok).toBe(false);
  });
});

/** A legacy server with sessions; `stream` answers its GET. */
async function rawServer(
  stream: (response: ServerResponse) => unknown,
): Promise<{ server: RawServer; id: string }> {
  const server = await startRawServer(({ method, message }, response) => {
    if (method === 'GET') return void stream(response);
    if (message.id === undefined) return void response.writeHead(202).end();
    if (message.method === 'server/discover') return void response.writeHead(404).end();
    const result =
      message.method === 'initialize'
        ? {
            protocolVersion: '2025-06-18',
            capabilities: {},
            serverInfo: { name: 'r', version: '1' },
          }
        : {};
    json(response, 200, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': 's1' });
  });
  return { server, id: await test.connect({ url: server.url }) };
}

function eventStream(response: ServerResponse): (message: unknown) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  return (message) => response.write(`data: ${JSON.stringify(message)}\n\n`);
}
