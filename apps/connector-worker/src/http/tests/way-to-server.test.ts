import type { ServerResponse } from 'node:http';
import { startFaultProxy } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Incoming,
  json,
  legacy,
  ok,
  type RawServer,
  startRawServer,
  startTestWorker,
  type TestWorker,
} from '../../tests/support.js';

let test: TestWorker;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  test = await startTestWorker();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => test.stop());

async function serve(
  answer: (incoming: Incoming, response: ServerResponse) => void,
): Promise<{ server: RawServer; id: string }> {
  const server = await startRawServer(answer);
  stops.push(() => server.close());
  return { server, id: await test.connect({ url: server.url }) };
}

describe('the way to the server', () => {
  it('nothing listens: unavailable, and after five failures the server is left alone', async () => {
    const id = await test.connect({ url: 'http://127.0.0.1:20459/mcp' });
    for (let i = 0; i < 5; i++)
      expect(await test.call(id, 'x')).toMatchObject({
        outcome: 'unavailable',
        message: expect.stringContaining('nothing listens'),
      });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining('left alone'),
    });
    const server = await startRawServer(
      legacy((incoming, response) => json(response, 200, ok(incoming.message.id))),
      20_459,
    );
    stops.push(() => server.close());
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await test.call(id, 'x')).outcome).toBe('ok');
  });

  it('is cut after the request left: unknown; cut before: unavailable', async () => {
    const { server } = await serve(
      legacy(
        (incoming, response) =>
          void setTimeout(() => json(response, 200, ok(incoming.message.id)), 200),
      ),
    );
    const proxy = await startFaultProxy({ port: server.port });
    stops.push(() => proxy.close());
    const id = await test.connect({ url: `http://127.0.0.1:${proxy.port}/mcp` });
    expect((await test.call(id, 'x')).outcome).toBe('ok');
    const calling = test.call(id, 'x');
    await new Promise((resolve) => setTimeout(resolve, 80));
    await proxy.set('reset');
    expect((await calling).outcome).toBe('unknown');
    await proxy.set('refuse');
    expect((await test.call(id, 'x')).outcome).toBe('unavailable');
  });

  it('is a private address or a port of ours: refused before anything is sent', async () => {
    for (const url of [
      'http://169.254.169.254/latest/meta-data',
      'http://10.0.0.1/mcp',
      `http://127.0.0.1:${test.worker.rpcPort}/`,
      'ftp://example.com/',
      'http://user:pw@example.com/',
    ]) {
      const id = await test.connect({ url });
      const list = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
      if (!url.includes(String(test.worker.rpcPort)))
        expect(list).toMatchObject({ status: 'ERROR', tools: [] });
      expect((await test.call(id, 'x')).outcome).toMatch(/unavailable/);
    }
  });

  it('demands credentials: AUTH_REQUIRED', async () => {
    const { id } = await serve((_incoming, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
    );
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'AUTH_REQUIRED',
    });
  });

  it.each([
    { Host: 'evil' },
    { 'Mcp-Session-Id': 'x' },
    { 'Content-Length': '1' },
    { 'X-A': 'a\r\nX-B: b' },
    { 'bad name': 'x' },
  ])('a header that could spoil the request is refused: %j', async (headers) => {
    const { server } = await serve(
      legacy((incoming, response) => json(response, 200, ok(incoming.message.id))),
    );
    const id = await test.connect({
      url: server.url,
      headers: headers as unknown as Record<string, string>,
    });
    expect((await test.call(id, 'x')).outcome).toBe('unavailable');
    expect(server.seen).toEqual([]);
  });
});
