import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ok, startTestWorker, type TestWorker } from '../../tests/support.js';
import {
  type RawSseOptions,
  type RawSseServer,
  shakingHands,
  startRawSseServer,
} from './raw-sse-server.js';

let test: TestWorker;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  test = await startTestWorker();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => test.stop());

async function serve(options: RawSseOptions): Promise<{ server: RawSseServer; id: string }> {
  const server = await startRawSseServer(options);
  stops.push(() => server.close());
  return { server, id: await test.connect({ kind: 'mcp-sse', url: server.url }) };
}

const calls = (server: RawSseServer) =>
  server.seen.filter(({ message }) => message.method === 'tools/call');
const endpoint = (text: string): RawSseOptions => ({
  onStream: (response, server) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    server.send(text, 'endpoint');
  },
});

describe('the endpoint that a server names', () => {
  it.each([
    ['of another host', 'http://127.0.0.2:1/steal', 'another origin'],
    ['of another port', 'http://127.0.0.1:1/steal', 'another origin'],
    ['of another scheme', 'https://127.0.0.1/steal', 'another origin'],
    ['without a host of its own', '//evil.example/steal', 'another origin'],
    ['that is no web address', 'javascript:alert(1)', 'another origin'],
    ['that is no address', 'http://[', 'no usable endpoint'],
    ['that is endless', `/${'x'.repeat(5_000)}`, 'no usable endpoint'],
  ])('%s is not called', async (_what, text, words) => {
    const { server, id } = await serve(endpoint(text));
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining(words),
    });
    expect(server.seen).toEqual([]);
  });

  it('with a user and password is not called', async () => {
    const { server, id } = await serve({
      onStream: (response, raw) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        raw.send(raw.origin.replace('//', '//a:b@'), 'endpoint');
      },
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'unavailable' });
    expect(server.seen).toEqual([]);
  });

  it('may be absolute, and is not changed afterwards', async () => {
    const { server, id } = await serve({
      onStream: (response, raw) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        raw.send(`${raw.origin}/post`, 'endpoint');
        raw.send('/other', 'endpoint');
      },
      onPost: shakingHands(({ message }, raw) => raw.send(ok(message.id))),
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    expect(new Set(server.seen.map(({ method }) => method))).toEqual(new Set(['/post']));
  });
});

describe('a server over HTTP with SSE that', () => {
  it('names no endpoint: nothing was sent', async () => {
    const { id } = await serve({
      onStream: (response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n'),
    });
    expect(await test.call(id, 'x', {}, { timeoutMs: 200 })).toMatchObject({
      outcome: 'unavailable',
    });
  });

  it.each([
    [401, 'refused the credentials'],
    [302, 'redirects'],
    [404, 'HTTP 404'],
  ])('answers the stream with %i: why is said', async (status, words) => {
    const { id } = await serve({
      onStream: (response) => void response.writeHead(status, { location: '/' }).end(),
    });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining(words),
    });
  });

  it('answers with JSON where a stream should be: says that it is of another kind', async () => {
    const { id } = await serve({
      onStream: (response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    });
    expect(await test.call(id, 'x')).toMatchObject({
      message: expect.stringContaining('mcp-http'),
    });
  });

  it('never answers: timeout at the deadline, and it is told', async () => {
    const { id, server } = await serve({ onPost: shakingHands(() => {}) });
    expect(await test.call(id, 'x', {}, { timeoutMs: 200 })).toMatchObject({ outcome: 'timeout' });
    await expect
      .poll(() => server.seen.map(({ message }) => message.method))
      .toContain('notifications/cancelled');
  });

  it('answers other ids, in other types, and before it was asked: only the right one counts', async () => {
    const { id } = await serve({
      onStream: (response, raw) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        raw.send('/post', 'endpoint');
        for (let guess = 1; guess < 10; guess++) raw.send(ok(guess, 'made up'));
      },
      onPost: shakingHands(({ message }, raw) => {
        raw.send(ok(Number(message.id) + 1, 'wrong'));
        raw.send(ok(String(message.id), 'wrong type'));
        raw.send('not JSON');
        raw.send({ jsonrpc: '1.0', id: message.id, result: {} });
        raw.send(ok(message.id, 'right'));
        raw.send(ok(message.id, 'twice'));
      }),
    });
    const result = await test.call(id, 'x');
    expect(result).toMatchObject({ outcome: 'ok', resultJson: expect.stringContaining('right') });
  });

  it('dies while it works: unknown, and only the next call opens a new stream', async () => {
    let first = true;
    const { id, server } = await serve({
      onPost: shakingHands(({ message }, raw, response) => {
        if (!first) return raw.send(ok(message.id));
        first = false;
        response.writeHead(202).end(() => raw.drop());
      }),
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
    expect(calls(server)).toHaveLength(1);
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    expect(server.streams).toBe(2);
  });

  it('breaks the POST itself: unknown', async () => {
    const { id } = await serve({
      onPost: shakingHands((_incoming, _raw, response) => response.destroy()),
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
  });

  it('has forgotten the session: the call is made in a new one, once', async () => {
    let forgotten = false;
    const { id, server } = await serve({
      onPost: shakingHands(({ message }, raw, response) => {
        if (forgotten && raw.streams === 1) return void response.writeHead(404).end();
        raw.send(ok(message.id));
      }),
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    forgotten = true;
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    expect(server.streams).toBe(2);
    expect(calls(server)).toHaveLength(3);
  });

  it('refuses the POST: an error with what it said', async () => {
    const { id } = await serve({
      onPost: shakingHands((_incoming, _raw, response) => void response.writeHead(500).end()),
    });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'error',
      error: { message: expect.stringContaining('HTTP 500') },
    });
  });

  it('answers with more than fits: the stream is left', async () => {
    const { id } = await serve({
      onPost: shakingHands((_incoming, raw) => {
        const megabyte = 'x'.repeat(1024 * 1024);
        raw.write('data: "');
        for (let i = 0; i < 12; i++) raw.write(megabyte);
      }),
    });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('too large'),
    });
  });

  it('floods: the stream is left, and the worker goes on', async () => {
    const { id } = await serve({
      onPost: shakingHands((_incoming, raw) => {
        const note = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n`;
        raw.write(note.repeat(25_000));
      }),
    });
    expect(await test.call(id, 'x')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('flooded'),
    });
  });

  it('asks what nobody declared: refused, and the call goes on', async () => {
    const { id, server } = await serve({
      onPost: shakingHands(({ message }, raw) => {
        raw.send({ jsonrpc: '2.0', id: 'q', method: 'sampling/createMessage', params: {} });
        setTimeout(() => raw.send(ok(message.id)), 50);
      }),
    });
    expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
    await expect
      .poll(() => server.seen.map(({ message }) => message))
      .toContainEqual(
        expect.objectContaining({ id: 'q', error: expect.objectContaining({ code: -32601 }) }),
      );
  });
});
