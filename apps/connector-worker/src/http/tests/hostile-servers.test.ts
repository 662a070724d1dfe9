import type { ServerResponse } from 'node:http';
import { startFaultProxy } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Incoming,
  json,
  legacy,
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
const ok = (id: unknown, text = 'ok') => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text }] },
});
const stream = (response: ServerResponse): ((message: unknown, id?: string) => void) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  return (message, id) =>
    response.write(
      `${id ? `id: ${id}\n` : ''}data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`,
    );
};

describe('a server that', () => {
  it('never answers: timeout at the deadline', async () => {
    const { id } = await serve(legacy(() => {}));
    const started = Date.now();
    expect(await test.call(id, 'x', {}, { timeoutMs: 300 })).toMatchObject({ outcome: 'timeout' });
    expect(Date.now() - started).toBeLessThan(700);
  });

  it('never answers the handshake either: nothing was sent', async () => {
    const { id, server } = await serve(() => {});
    expect(await test.call(id, 'x', {}, { timeoutMs: 300 })).toMatchObject({
      outcome: 'unavailable',
    });
    expect(server.seen.filter((one) => one.message.method === 'tools/call')).toEqual([]);
  });

  it('answers with a wrong id: ignored, and the outcome is unknown', async () => {
    const { id } = await serve(
      legacy((_incoming, response) => json(response, 200, ok(999_999, "another caller's"))),
    );
    const result = await test.call(id, 'x');
    expect(result).toMatchObject({ outcome: 'unknown' });
    expect(JSON.stringify(result)).not.toContain("another caller's");
  });

  it('answers with wrong ids first and the right one then: the right one counts', async () => {
    const { id } = await serve(
      legacy((incoming, response) => {
        const send = stream(response);
        send(ok(999_999, 'wrong'));
        send(ok(String(incoming.message.id), 'wrong type'));
        send(ok(incoming.message.id, 'right'));
        response.end();
      }),
    );
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'ok',
      resultJson: expect.stringContaining('right'),
    });
  });

  it('dies in the middle of its answer: unknown', async () => {
    const { id } = await serve(
      legacy((_incoming, response) => {
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
          .write('{"jsonrpc":"2.0",');
        setTimeout(() => response.destroy(), 30);
      }),
    );
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('whether it acted is not known'),
    });
  });

  it('ends its stream without an answer: unknown', async () => {
    const { id } = await serve(
      legacy(
        (_incoming, response) => (
          stream(response)({ jsonrpc: '2.0', method: 'notifications/message' }),
          response.end()
        ),
      ),
    );
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
  });

  it('ends its stream on purpose and answers when asked for the rest (2025-11-25)', async () => {
    let waiting: unknown;
    const { id, server } = await serve((incoming, response) => {
      if (incoming.method === 'GET') {
        expect(incoming.headers['last-event-id']).toBe('e1');
        stream(response)(ok(waiting, 'late but here'), 'e2');
        return void response.end();
      }
      legacy((call, reply) => {
        waiting = call.message.id;
        reply
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('id: e1\nretry: 60\ndata: \n\n');
      })(incoming, response);
    });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'ok',
      resultJson: expect.stringContaining('late but here'),
    });
    expect(server.seen.filter((one) => one.message.method === 'tools/call')).toHaveLength(1);
  });

  it('sends a huge result: discarded, in JSON and in a stream', async () => {
    const huge = 'x'.repeat(11 * 1024 * 1024);
    const { id } = await serve(
      legacy((incoming, response) => {
        if (JSON.stringify(incoming.message.params).includes('stream'))
          return void (stream(response)(ok(incoming.message.id, huge)), response.end());
        json(response, 200, ok(incoming.message.id, huge));
      }),
    );
    for (const name of ['json', 'stream']) {
      expect(await test.call(id, name)).toMatchObject({
        outcome: 'error',
        error: { message: expect.stringContaining('larger than 10 MB') },
      });
    }
  });

  it('sends a result just below the limit: it arrives', async () => {
    const { id } = await serve(
      legacy((incoming, response) =>
        json(response, 200, ok(incoming.message.id, 'é'.repeat(5 * 1024 * 1024))),
      ),
    );
    const { resultJson } = await test.call(id, 'x');
    expect(Buffer.byteLength(resultJson!)).toBe(10 * 1024 * 1024 + 39);
  });

  it('floods its stream: cut off, and the worker goes on', async () => {
    let closed = false;
    const { id } = await serve(
      legacy((_incoming, response) => {
        const send = stream(response);
        const note = JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { data: 'x'.repeat(1_000) },
        });
        const pour = (): void => {
          while (!response.destroyed && response.writableLength < 1_000_000) send(note);
          if (!response.destroyed) setImmediate(pour);
        };
        response.on('close', () => (closed = true));
        pour();
      }),
    );
    expect(await test.call(id, 'x', {}, { timeoutMs: 9_000 })).toMatchObject({ outcome: 'error' });
    await expect.poll(() => closed).toBe(true);
  });

  it('floods progress: thinned out', async () => {
    const notes: number[] = [];
    const { id } = await serve(
      legacy((incoming, response) => {
        const send = stream(response);
        for (let i = 0; i < 5_000; i++)
          send({
            jsonrpc: '2.0',
            method: 'notifications/progress',
            params: { progressToken: incoming.message.id, progress: i },
          });
        send({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: 'of another call', progress: 77_777 },
        });
        send(ok(incoming.message.id));
        response.end();
      }),
    );
    expect(
      (
        await test.call(
          id,
          'x',
          {},
          { progress: true, onProgress: (note) => notes.push(note.progress) },
        )
      ).outcome,
    ).toBe('ok');
    expect(notes.length).toBeGreaterThan(0);
    expect(notes.length).toBeLessThan(100);
    expect(notes).not.toContain(77_777);
  });

  it('asks us things: ping is answered, all else is refused, a flood of it is bounded', async () => {
    const { id, server } = await serve(
      legacy((incoming, response) => {
        const send = stream(response);
        send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
        send({
          jsonrpc: '2.0',
          id: 's',
          method: 'sampling/createMessage',
          params: { messages: [] },
        });
        for (let i = 0; i < 1_000; i++) send({ jsonrpc: '2.0', id: i, method: 'roots/list' });
        setTimeout(() => (send(ok(incoming.message.id)), response.end()), 150);
      }),
    );
    expect((await test.call(id, 'x')).outcome).toBe('ok');
    await expect
      .poll(() => server.seen.some((one) => one.body === '{"jsonrpc":"2.0","id":"p","result":{}}'))
      .toBe(true);
    const answers = server.seen.filter(
      (one) => one.message.method === undefined && one.message.id !== undefined,
    );
    expect(answers.find((one) => String(one.message.id) === 's')!.body).toContain('-32601');
    expect(answers.length).toBeLessThanOrEqual(100);
  });

  it.each([
    [
      'no JSON',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'),
      'unknown',
    ],
    [
      'a page',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'unknown',
    ],
    ['HTTP 500', (response: ServerResponse) => response.writeHead(500).end('boom'), 'error'],
    ['HTTP 401', (response: ServerResponse) => response.writeHead(401).end(), 'error'],
    [
      'a redirect',
      (response: ServerResponse) =>
        response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
      'error',
    ],
    [
      'a task that nobody asked for',
      (response: ServerResponse, id: unknown) =>
        json(response, 200, { jsonrpc: '2.0', id, result: { resultType: 'task', taskId: '1' } }),
      'error',
    ],
    [
      'input_required that nobody can give',
      (response: ServerResponse, id: unknown) =>
        json(response, 200, { jsonrpc: '2.0', id, result: { resultType: 'input_required' } }),
      'error',
    ],
    [
      'a result that is no object',
      (response: ServerResponse, id: unknown) =>
        json(response, 200, { jsonrpc: '2.0', id, result: 'x' }),
      'unknown',
    ],
  ])('answers with %s', async (_what, answer, outcome) => {
    const { id } = await serve(
      legacy((incoming, response) => answer(response, incoming.message.id)),
    );
    expect(await test.call(id, 'x')).toMatchObject({ outcome });
  });

  it('keeps unknown fields and long numbers: they come through as they were written', async () => {
    const raw =
      '{ "content" : [ ], "x-new": {"big": 12345678901234567890, "f": 1.10} , "structuredContent":{"a":"}\\""}}';
    const { id } = await serve(
      legacy((incoming, response) =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0", "result": ${raw} ,"id":${String(incoming.message.id)}}`),
      ),
    );
    expect((await test.call(id, 'x')).resultJson).toBe(raw);
  });
});

describe('sessions', () => {
  it('are one for each member, and made anew once when the server forgets them', async () => {
    let known = new Set<string>();
    let made = 0;
    const { id, server } = await serve((incoming, response) => {
      const { id: rpcId, method } = incoming.message;
      const session = incoming.headers['mcp-session-id'] as string | undefined;
      if (incoming.method === 'DELETE') return void response.writeHead(200).end();
      if (method === 'initialize') {
        const name = `session-${++made}`;
        known.add(name);
        return json(
          response,
          200,
          {
            jsonrpc: '2.0',
            id: rpcId,
            result: { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: {} },
          },
          { 'mcp-session-id': name },
        );
      }
      if (method === 'server/discover') return void response.writeHead(400).end();
      if (!session || !known.has(session)) return void response.writeHead(404).end();
      if (rpcId === undefined) return void response.writeHead(202).end();
      json(response, 200, ok(rpcId, session));
    });
    const sessionOf = async (memberId: string) =>
      JSON.parse((await test.call(id, 'x', {}, { memberId })).resultJson!).content[0]
        .text as string;
    const first = await sessionOf('mem_a');
    expect(await sessionOf('mem_a')).toBe(first);
    expect(await sessionOf('mem_b')).not.toBe(first);
    known = new Set();
    expect(await sessionOf('mem_a')).not.toBe(first);
    expect(made).toBe(3);
    expect(
      server.seen.filter((one) => one.message.method === 'notifications/initialized'),
    ).toHaveLength(3);
  });

  it('that are always forgotten are not made for ever', async () => {
    let made = 0;
    const { id } = await serve((incoming, response) => {
      if (incoming.message.method === 'initialize') {
        return json(
          response,
          200,
          {
            jsonrpc: '2.0',
            id: incoming.message.id,
            result: { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: {} },
          },
          { 'mcp-session-id': String(++made) },
        );
      }
      if (incoming.message.id === undefined) return void response.writeHead(202).end();
      response.writeHead(incoming.message.method === 'tools/call' ? 404 : 400).end();
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'error' });
    expect(made).toBe(2);
  });
});

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

describe('lists of tools', () => {
  const paged =
    (next: (cursor: string | undefined) => { tools: unknown[]; nextCursor?: string }) =>
    (incoming: Incoming, response: ServerResponse) => {
      if (incoming.message.method !== 'tools/list') return legacy(() => {})(incoming, response);
      json(response, 200, {
        jsonrpc: '2.0',
        id: incoming.message.id,
        result: next(incoming.message.params?.['cursor'] as string | undefined),
      });
    };

  it('are followed to their end, with every field kept', async () => {
    const { id } = await serve(
      paged((cursor) =>
        cursor
          ? { tools: [{ name: 'b', inputSchema: {}, securitySchemes: [{ type: 'oauth2' }] }] }
          : { tools: [{ name: 'a' }], nextCursor: '2' },
      ),
    );
    const list = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
    expect(list.tools).toEqual([
      { name: 'a' },
      { name: 'b', inputSchema: {}, securitySchemes: [{ type: 'oauth2' }] },
    ]);
  });

  it('that never end are cut and said to be', async () => {
    let page = 0;
    const { id } = await serve(
      paged(() => ({ tools: [{ name: `t${++page}` }], nextCursor: String(page) })),
    );
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'DEGRADED',
      reason: expect.stringContaining('does not end'),
    });
    expect(page).toBeLessThanOrEqual(200);
  });

  it('that are no lists are an error in words', async () => {
    const { id } = await serve(paged(() => ({ tools: 'x' as unknown as unknown[] })));
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'ERROR',
      reason: 'The server answered tools/list without a list of tools.',
    });
  });
});

describe('tools whose schema asks for headers (2026-07-28)', () => {
  it('get them, learnt from the list when the server insists', async () => {
    const { id, server } = await serve((incoming, response) => {
      const { id: rpcId, method } = incoming.message;
      if (method === 'server/discover')
        return json(response, 200, {
          jsonrpc: '2.0',
          id: rpcId,
          result: {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities: {},
            serverInfo: {},
          },
        });
      if (method === 'tools/list') {
        const inputSchema = {
          type: 'object',
          properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
        };
        return json(response, 200, {
          jsonrpc: '2.0',
          id: rpcId,
          result: { resultType: 'complete', tools: [{ name: 'x', inputSchema }] },
        });
      }
      if (!incoming.headers['mcp-param-region'])
        return json(response, 400, {
          jsonrpc: '2.0',
          id: rpcId,
          error: { code: -32020, message: 'Header mismatch' },
        });
      json(response, 200, ok(rpcId));
    });
    expect((await test.call(id, 'x', { region: 'Zürich' })).outcome).toBe('ok');
    const header = server.seen.at(-1)!.headers['mcp-param-region'];
    expect(header).toBe(`=?base64?${Buffer.from('Zürich').toString('base64')}?=`);
  });
});
