import type { ServerResponse } from 'node:http';
import { createOutbound } from '@conducktor/outbound';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Incoming,
  json,
  ok,
  type RawServer,
  startRawServer,
  startTestWorker,
  stream,
  type TestWorker,
} from '../../tests/support.js';
import { declaredOf } from '../../mcp/capabilities.js';
import { HttpExchange } from '../http-exchange.js';
import { LegacySessions } from '../legacy-sessions.js';

const CAN_BE_ASKED = { elicitation: { form: {} } };
let test: TestWorker;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  test = await startTestWorker();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => test.stop());

type Answer = (incoming: Incoming, response: ServerResponse) => void;

/** A server with sessions: `get` answers streams outside of calls, `call` answers calls. */
async function legacyServer(get: Answer, call: Answer): Promise<RawServer & { id: string }> {
  let sessions = 0;
  return serve((incoming, response) => {
    const { id, method } = incoming.message;
    if (incoming.method === 'GET') return get(incoming, response);
    if (method === 'tools/call') return call(incoming, response);
    if (method === undefined || id === undefined) return void response.writeHead(202).end();
    if (method === 'server/discover') return void response.writeHead(404).end();
    const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} };
    json(response, 200, { jsonrpc: '2.0', id, result }, { 'mcp-session-id': `s${++sessions}` });
  });
}

/** A server of 2026-07-28 whose `subscriptions/listen` the test answers. */
function modernServer(listen: Answer): Promise<RawServer & { id: string }> {
  return serve((incoming, response) => {
    if (incoming.message.method === 'subscriptions/listen') return listen(incoming, response);
    const result = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} };
    json(response, 200, { jsonrpc: '2.0', id: incoming.message.id, result });
  });
}

async function serve(answer: Answer): Promise<RawServer & { id: string }> {
  const server = await startRawServer(answer);
  stops.push(() => server.close());
  return { ...server, id: await test.connect({ url: server.url }) };
}

const watch = (connectionId: string, more: object) =>
  test.client.watch(
    {
      tenantId: test.tenantId,
      memberId: 'mem_a',
      connectionId,
      revision: 1,
      lists: false,
      uris: [],
      timeoutMs: 700,
      ...more,
    },
    { onEvent: () => {}, onClosed: () => {} },
  );

describe('a stream outside of calls that', () => {
  it('ends at once, always: opened ever more seldom', async () => {
    const server = await legacyServer(
      (_incoming, response) => (stream(response), response.end()),
      () => {},
    );
    const watching = await watch(server.id, { lists: true });
    expect(watching.ok).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const streams = server.seen.filter(({ method }) => method === 'GET').length;
    expect(streams).toBeGreaterThan(1);
    expect(streams).toBeLessThan(7);
    watching.close();
  });

  it('asks without end while nobody calls: answered a hundred times and then not any more', async () => {
    let poured = false;
    const server = await legacyServer(
      (_incoming, response) => {
        const send = stream(response);
        for (let id = 0; id < 3_000; id++) send({ jsonrpc: '2.0', id, method: 'ping' });
        poured = true;
      },
      (incoming, response) => json(response, 200, ok(incoming.message.id)),
    );
    const watching = await watch(server.id, { lists: true });
    await expect.poll(() => poured).toBe(true);
    const answers = () => server.seen.filter(({ body }) => body.includes('"result":{}')).length;
    await expect.poll(answers).toBe(100);
    expect((await test.call(server.id, 'x')).outcome).toBe('ok');
    expect(answers()).toBe(100);
    watching.close();
  });
});

describe('questions', () => {
  it('longer than a frame are refused, and the call goes on', async () => {
    const answers: string[] = [];
    const server = await legacyServer(
      (_incoming, response) => void response.writeHead(405).end(),
      (incoming, response) => {
        const send = stream(response);
        const params = { message: 'x'.repeat(5 * 1024 * 1024), requestedSchema: {} };
        send({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params });
        setTimeout(() => send(ok(incoming.message.id)), 200);
      },
    );
    const result = await test.call(
      server.id,
      'x',
      {},
      { capabilities: CAN_BE_ASKED, onAsk: ({ method }) => answers.push(method) },
    );
    expect(result.outcome).toBe('ok');
    expect(answers).toEqual([]);
    await expect
      .poll(() => server.seen.some(({ body }) => body.includes('This question is too long')))
      .toBe(true);
  });
});

it('a client that invents abilities gets no more than eight sessions', async () => {
  const server = await legacyServer(
    (_incoming, response) => void response.writeHead(405).end(),
    (incoming, response) => json(response, 200, ok(incoming.message.id)),
  );
  for (let n = 0; n < 20; n++) {
    const extensions = { 'io.modelcontextprotocol/ui': { mimeTypes: [`text/${n}`] } };
    expect((await test.call(server.id, 'x', {}, { capabilities: { extensions } })).outcome).toBe(
      'ok',
    );
  }
  const count = (wanted: string) =>
    server.seen.filter(({ method, message }) => (message.method ?? method) === wanted).length;
  expect(count('initialize')).toBe(20);
  await expect.poll(() => count('DELETE')).toBe(12);
});

it('a session that nobody uses gives its stream back, and later itself', async () => {
  let streams = 0;
  const server = await legacyServer(
    (_incoming, response) => {
      streams++;
      stream(response)({ jsonrpc: '2.0', method: 'notifications/message', params: {} });
      response.on('close', () => streams--);
    },
    () => {},
  );
  const outbound = createOutbound({ allow: ['loopback'], denyPorts: [] });
  stops.push(() => outbound.close());
  const { origin, pathname: path } = new URL(server.url);
  let id = 0;
  const exchange: ConstructorParameters<typeof LegacySessions>[0]['exchange'] = (options) =>
    new HttpExchange({ ...options, dispatcher: outbound.dispatcher, target: { origin, path } });
  const sessions = new LegacySessions({
    exchange,
    longExchange: exchange,
    nextId: () => ++id,
    handshakeMs: 5_000,
    onListChanged: () => {},
    onServer: () => {},
  });
  const declared = declaredOf(CAN_BE_ASKED);
  const session = await sessions.open('mem_a', declared, 5_000);
  expect(await session.listen()).toBe(true);
  expect(streams).toBe(1);
  sessions.sweep(Date.now() + 4 * 60_000);
  expect(streams).toBe(1);
  sessions.sweep(Date.now() + 6 * 60_000);
  await expect.poll(() => streams).toBe(0);
  expect(await sessions.open('mem_a', declared, 5_000)).toBe(session);
  sessions.sweep(Date.now() + 31 * 60_000);
  await expect.poll(() => server.seen.at(-1)?.method).toBe('DELETE');
  await sessions.close();
});

describe('a modern server', () => {
  it('that never acknowledges is given up in time', async () => {
    const server = await modernServer((_incoming, response) => void stream(response));
    const started = Date.now();
    expect((await watch(server.id, { uris: ['note://a'] })).ok).toBe(false);
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it('that acknowledges other resources than it was asked for is refused', async () => {
    const server = await modernServer((_incoming, response) => {
      const send = stream(response);
      const notifications = { resourceSubscriptions: ['note://b'] };
      send({
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications },
      });
    });
    expect(await watch(server.id, { uris: ['note://a'] })).toMatchObject({
      ok: false,
      error: { code: -32601 },
    });
  });

  it('that refuses to be listened to says why, and may still be called', async () => {
    const server = await modernServer(({ message }, response) =>
      json(response, 404, {
        jsonrpc: '2.0',
        id: message.id,
        error: { code: -32601, message: 'Method not found' },
      }),
    );
    expect(await watch(server.id, { uris: ['note://a'] })).toMatchObject({
      ok: false,
      error: { message: 'Method not found' },
    });
    expect((await watch(server.id, { lists: true })).ok).toBe(true);
    const asked = () =>
      server.seen.filter(({ message }) => message.method === 'subscriptions/listen').length;
    const before = asked();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(asked()).toBe(before);
  });
});
