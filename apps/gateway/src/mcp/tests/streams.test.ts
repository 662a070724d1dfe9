import { rawMcp, rawPost } from '@conducktor/testing';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Reply, type ReplyOptions } from '../reply.js';
import { startGateway, type TestGateway } from './support/gateway.js';

describe('an answer over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const call = (
    name: string,
    options: Record<string, unknown> = {},
    args: Record<string, unknown> = {},
  ) =>
    rawMcp(
      gateway.mcp,
      'tools/call',
      { name, arguments: args },
      { token: 'alice', era: 'legacy', ...options },
    );

  test('is JSON when nothing was to be streamed, even if progress was asked for', async () => {
    const answer = await call('t_echo', { meta: { progressToken: 'p' } });
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  test('is a stream once there is progress, with the client’s token, the answer last', async () => {
    for (const progressToken of ['p', 0]) {
      const answer = await call('t_progress', { meta: { progressToken } });
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
      expect(answer.headers.get('x-accel-buffering')).toBe('no');
      expect(answer.messages).toEqual([
        ...[1, 2, 3].map((step) => ({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, progress: step, total: 3, message: `step ${step}` },
        })),
        expect.objectContaining({ id: 1, result: expect.anything() }),
      ]);
    }
  });

  test('has no progress for those who did not ask or cannot read it', async () => {
    const silent = await call('t_progress');
    expect(silent.headers.get('content-type')).toBe('application/json');
    const plain = await call('t_progress', {
      meta: { progressToken: 1 },
      headers: { accept: 'application/json' },
    });
    expect(plain.headers.get('content-type')).toBe('application/json');
  });

  test('comes as one event for those who accept nothing else', async () => {
    const answer = await call('t_echo', { headers: { accept: 'text/event-stream' } });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.message?.result).toBeDefined();
    const refused = await call('t_scoped', { headers: { accept: 'text/event-stream' } });
    expect(refused.status).toBe(403);
  });

  test('is JSON for plain scripts that send no Accept', async () => {
    const answer = await rawPost(gateway.mcp, '{"jsonrpc":"2.0","id":1,"method":"ping"}', {
      token: 'alice',
      headers: { accept: '*/*' },
    });
    expect(answer.text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
});

describe('a stream', () => {
  const open: (() => void)[] = [];
  afterEach(() => open.splice(0).forEach((close) => close()));

  /** A server that hands each exchange to `handle`, and its port. */
  const serve = async (
    options: Partial<ReplyOptions>,
    handle: (reply: Reply, response: ServerResponse) => void,
  ) => {
    const server = createServer((_request: IncomingMessage, response) =>
      handle(
        new Reply(response, { canStream: true, mustStream: false, headers: {}, ...options }),
        response,
      ),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    return (server.address() as AddressInfo).port;
  };

  test('is kept alive with comments while the answer takes long', async () => {
    const port = await serve({ keepAliveMs: 20 }, (reply) =>
      setTimeout(() => reply.end({ status: 200, text: '{"a":1}' }), 130),
    );
    const answer = await (await fetch(`http://127.0.0.1:${port}`)).text();
    expect(answer.split(': keep-alive\n\n').length - 1).toBeGreaterThanOrEqual(3);
    expect(answer.endsWith('event: message\ndata: {"a":1}\n\n')).toBe(true);
  });

  test('holds only the newest notification for a client that does not read, and still its answer', async () => {
    const payload = 'x'.repeat(10_000);
    let response: ServerResponse | undefined;
    let finish = () => {};
    const port = await serve({}, (reply, raw) => {
      response = raw;
      for (let n = 0; n < 5_000; n++) reply.notify(JSON.stringify({ n, payload }));
      finish = () => reply.end({ status: 200, text: '{"answer":true}' });
    });
    const socket = connect(port, '127.0.0.1');
    open.push(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    socket.pause();
    await expect.poll(() => response).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 100));
    // 50 MB were offered.
    expect(response!.writableLength).toBeLessThan(200_000);
    finish();
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => (text += chunk));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toContain('{"n":4999,');
    expect(text).toContain('{"answer":true}');
    expect(text.length).toBeLessThan(20_000_000);
  });

  test('that the client left takes what comes and does nothing', async () => {
    let late: (() => void) | undefined;
    const port = await serve({ keepAliveMs: 10 }, (reply, response) => {
      reply.notify('{}');
      response.once('close', () => {
        late = () => {
          reply.notify('{}');
          reply.end({ status: 200, text: '{}' });
        };
      });
    });
    const abort = new AbortController();
    await fetch(`http://127.0.0.1:${port}`, { signal: abort.signal });
    abort.abort();
    await expect.poll(() => late).toBeDefined();
    expect(late).not.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
