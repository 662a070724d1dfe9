import type { ServerResponse } from 'node:http';
import type { UpstreamEvent } from '@conducktor/contracts';
import { expect, it } from 'vitest';
import {
  type Incoming,
  json,
  type RawServer,
  startRawServer,
  stream,
} from '../../tests/support.js';
import { rawServers } from './raw-servers.js';

const raw = rawServers();

type Answer = (incoming: Incoming, response: ServerResponse) => void;

/** A legacy server with sessions: `get` answers streams, `ask` requests other than the handshake. */
async function serve(get: Answer, ask: Answer): Promise<RawServer & { id: string }> {
  const server = await startRawServer((incoming, response) => {
    const { id, method } = incoming.message;
    if (incoming.method === 'GET') return get(incoming, response);
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'server/discover') return void response.writeHead(404).end();
    if (method !== 'initialize') return ask(incoming, response);
    const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} };
    json(response, 200, { jsonrpc: '2.0', id, result }, { 'mcp-session-id': 'one' });
  });
  raw.stops.push(() => server.close());
  return { ...server, id: await raw.worker.connect({ url: server.url }) };
}

async function watch(connectionId: string) {
  const events: UpstreamEvent[] = [];
  const watching = await raw.worker.client.watch(
    {
      tenantId: raw.worker.tenantId,
      memberId: 'mem_a',
      connectionId,
      revision: 1,
      lists: false,
      uris: ['note://a'],
      timeoutMs: 5_000,
    },
    { onEvent: (event) => events.push(event), onClosed: () => {} },
  );
  expect(watching.ok).toBe(true);
  return { events, close: () => watching.close() };
}

const done: Answer = ({ message }, response) =>
  json(response, 200, { jsonrpc: '2.0', id: message.id, result: {} });

it('a stream that is refused while the server believes in the one that broke comes back', async () => {
  let streams = 0;
  const server = await serve((_incoming, response) => {
    streams++;
    if (streams === 2) return void response.writeHead(409).end();
    stream(response);
    response.flushHeaders();
    if (streams === 1) setTimeout(() => response.destroy(), 100);
  }, done);
  const one = await watch(server.id);
  await expect.poll(() => one.events, { timeout: 30_000 }).toEqual([{ kind: 'gap' }]);
  expect(streams).toBe(3);
  one.close();
});

it('a resource that is just being left is subscribed to again only after that', async () => {
  const order: string[] = [];
  const server = await serve(
    (_incoming, response) => void stream(response),
    (incoming, response) => {
      const { method } = incoming.message;
      const after = method === 'resources/unsubscribe' ? 200 : 0;
      setTimeout(() => {
        order.push(method!);
        done(incoming, response);
      }, after);
    },
  );
  (await watch(server.id)).close();
  (await watch(server.id)).close();
  await expect.poll(() => order).toHaveLength(4);
  expect(order).toEqual([
    'resources/subscribe',
    'resources/unsubscribe',
    'resources/subscribe',
    'resources/unsubscribe',
  ]);
});
