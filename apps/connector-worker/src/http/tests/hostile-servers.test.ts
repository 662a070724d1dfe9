import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { json, legacy, ok, stream } from '../../tests/support.js';
import { rawServers } from './raw-servers.js';

const raw = rawServers();
const { serve } = raw;

describe('a server that', () => {
  it('never answers: timeout at the deadline', async () => {
    const { id } = await serve(legacy(() => {}));
    const started = Date.now();
    expect(await raw.worker.call(id, 'x', {}, { timeoutMs: 1_000 })).toMatchObject({
      outcome: 'timeout',
    });
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it('never answers the handshake either: nothing was sent', async () => {
    const { id, server } = await serve(() => {});
    expect(await raw.worker.call(id, 'x', {}, { timeoutMs: 300 })).toMatchObject({
      outcome: 'unavailable',
    });
    expect(server.seen.filter((one) => one.message.method === 'tools/call')).toEqual([]);
  });

  it('answers with a wrong id: ignored, and the outcome is unknown', async () => {
    const { id } = await serve(
      legacy((_incoming, response) => json(response, 200, ok(999_999, "another caller's"))),
    );
    const result = await raw.worker.call(id, 'x');
    expect(result).toMatchObject({ outcome: 'unknown' });
    expect(JSON.stringify(result)).not.toContain("another caller's");
  });

  it('gives one connection the answer that was meant for another: not taken, however alike they count', async () => {
    let meant: unknown;
    const { id, server } = await serve(
      legacy((incoming, response) => {
        const answer = ok(incoming.message.id, `for ${String(incoming.message.id)}`);
        json(response, 200, meant ?? answer);
        meant ??= answer;
      }),
    );
    const other = await raw.worker.connect({ url: server.url });
    expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    expect(await raw.worker.call(other, 'x')).toMatchObject({ outcome: 'unknown' });
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
    expect(await raw.worker.call(id, 'x')).toMatchObject({
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
    expect(await raw.worker.call(id, 'x')).toMatchObject({
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
    expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
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
    expect(await raw.worker.call(id, 'x')).toMatchObject({
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
      expect(await raw.worker.call(id, name)).toMatchObject({
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
    const { resultJson } = await raw.worker.call(id, 'x');
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
          // Bounded: a response without its socket takes everything and holds nothing.
          for (let n = 0; n < 500 && !closed && response.writableLength < 1_000_000; n++)
            send(note);
          if (!closed && !response.destroyed) setImmediate(pour);
        };
        response.on('close', () => (closed = true));
        pour();
      }),
    );
    expect(await raw.worker.call(id, 'x', {}, { timeoutMs: 9_000 })).toMatchObject({
      outcome: 'error',
    });
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
        await raw.worker.call(
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
    expect((await raw.worker.call(id, 'x')).outcome).toBe('ok');
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
    expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome });
  });

  it('keeps unknown fields and long numbers: they come through as they were written', async () => {
    const written =
      '{ "content" : [ ], "x-new": {"big": 12345678901234567890, "f": 1.10} , "structuredContent":{"a":"}\\""}}';
    const { id } = await serve(
      legacy((incoming, response) =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0", "result": ${written} ,"id":${String(incoming.message.id)}}`),
      ),
    );
    expect((await raw.worker.call(id, 'x')).resultJson).toBe(written);
  });
});
