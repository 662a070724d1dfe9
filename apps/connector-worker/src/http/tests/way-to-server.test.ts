import { startFaultProxy } from '@conducktor/testing';
import { describe, expect, it } from 'vitest';
import { json, legacy, ok, startRawServer } from '../../tests/support.js';
import { rawServers } from './raw-servers.js';

const raw = rawServers();
const { serve } = raw;

describe('the way to the server', () => {
  it('nothing listens: unavailable, and after five failures the server is left alone', async () => {
    const id = await raw.worker.connect({ url: 'http://127.0.0.1:20459/mcp' });
    for (let i = 0; i < 5; i++)
      expect(await raw.worker.call(id, 'x')).toMatchObject({
        outcome: 'unavailable',
        message: expect.stringContaining('nothing listens'),
      });
    expect(await raw.worker.call(id, 'x')).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining('left alone'),
    });
    const server = await startRawServer(
      legacy((incoming, response) => json(response, 200, ok(incoming.message.id))),
      20_459,
    );
    raw.stops.push(() => server.close());
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await raw.worker.call(id, 'x')).outcome).toBe('ok');
  });

  it('is cut after the request left: unknown; cut before: unavailable', async () => {
    const { server } = await serve(
      legacy(
        (incoming, response) =>
          void setTimeout(() => json(response, 200, ok(incoming.message.id)), 200),
      ),
    );
    const proxy = await startFaultProxy({ port: server.port });
    raw.stops.push(() => proxy.close());
    const id = await raw.worker.connect({ url: `http://127.0.0.1:${proxy.port}/mcp` });
    expect((await raw.worker.call(id, 'x')).outcome).toBe('ok');
    const calling = raw.worker.call(id, 'x');
    await new Promise((resolve) => setTimeout(resolve, 80));
    await proxy.set('reset');
    expect((await calling).outcome).toBe('unknown');
    await proxy.set('refuse');
    expect((await raw.worker.call(id, 'x')).outcome).toBe('unavailable');
  });

  it('is a private address or a port of ours: refused before anything is sent', async () => {
    for (const url of [
      'http://169.254.169.254/latest/meta-data',
      'http://10.0.0.1/mcp',
      `http://127.0.0.1:${raw.worker.worker.rpcPort}/`,
      'ftp://example.com/',
      'http://user:pw@example.com/',
    ]) {
      const id = await raw.worker.connect({ url });
      const list = await raw.worker.client.refresh({
        tenantId: raw.worker.tenantId,
        connectionId: id,
      });
      if (!url.includes(String(raw.worker.worker.rpcPort)))
        expect(list).toMatchObject({ status: 'ERROR', tools: [] });
      expect((await raw.worker.call(id, 'x')).outcome).toMatch(/unavailable/);
    }
  });

  it('demands credentials: AUTH_REQUIRED', async () => {
    const { id } = await serve((_incoming, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
    );
    expect(
      await raw.worker.client.refresh({ tenantId: raw.worker.tenantId, connectionId: id }),
    ).toMatchObject({
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
    const id = await raw.worker.connect({
      url: server.url,
      headers: headers as unknown as Record<string, string>,
    });
    expect((await raw.worker.call(id, 'x')).outcome).toBe('unavailable');
    expect(server.seen).toEqual([]);
  });
});
