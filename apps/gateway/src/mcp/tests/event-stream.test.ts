import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { EventStream } from '../event-stream.js';

const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

/** A stream to a client that reads nothing unless it is told to. */
const begin = async (keepAliveMs?: number) => {
  const { promise, resolve } = Promise.withResolvers<[EventStream, ServerResponse]>();
  const server = createServer((_request, response) =>
    resolve([new EventStream(response, { headers: {}, keepAliveMs, idPrefix: 'x' }), response]),
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  open.push(
    () => socket.destroy(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.pause();
  const [stream, response] = await promise;
  const closed = new Promise<void>((done) => stream.onClose(done));
  return { stream, response, socket, closed };
};

test('a reader that does not read is cut off, and holds little until then', async () => {
  const { stream, response, closed } = await begin();
  const text = JSON.stringify({ payload: 'x'.repeat(100_000) });
  let most = 0;
  for (let n = 0; n < 1_000 && stream.isOpen; n++) {
    stream.send(text);
    most = Math.max(most, response.writableLength);
  }
  await closed;
  expect(stream.isOpen).toBe(false);
  // 100 MB were offered.
  expect(most).toBeLessThan(5_000_000);
  expect(() => stream.send(text)).not.toThrow();
});

test('a reader that takes nothing between two keep-alives is cut off, one that reads stays', async () => {
  const beginFull = async (keepAliveMs: number) => {
    const begun = await begin(keepAliveMs);
    // More than the system takes for a reader that does not read.
    while (begun.response.writableLength < 1_000_000) {
      begun.stream.send('x'.repeat(500_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    return begun;
  };
  const idle = await beginFull(50);
  await idle.closed;
  // Longer than a busy machine stands still: the reader must come to its turn between two of them.
  const slow = await beginFull(500);
  slow.socket.resume();
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  expect(slow.stream.isOpen).toBe(true);
});

test('what may be left out costs a reader that is behind nothing', async () => {
  const { stream, response, socket } = await begin();
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  const hint = JSON.stringify({ payload: 'x'.repeat(10_000) });
  for (let n = 0; n < 2_000; n++) {
    stream.hint(hint);
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(stream.isOpen).toBe(true);
  expect(response.writableLength).toBeLessThan(300_000);
  stream.send('"the answer"');
  socket.resume();
  await expect.poll(() => text.includes('data: "the answer"\n\n')).toBe(true);
});

test('a reader that is slow but reads gets a message of any size', async () => {
  // More than a busy machine stands still, and less than reading takes in all.
  const { stream, socket } = await begin(700);
  const payload = 'x'.repeat(24_000_000);
  let read = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 5).unref();
  });
  stream.send(payload);
  socket.resume();
  await expect.poll(() => read, { timeout: 30_000 }).toBeGreaterThan(payload.length);
  expect(stream.isOpen).toBe(true);
});

test('a reader that takes nothing is not waited for when the stream has ended', async () => {
  const { stream, response, closed } = await begin(50);
  stream.send('x'.repeat(24_000_000));
  stream.end();
  await closed;
  expect(response.destroyed).toBe(true);
});

test('events have ids that continue, and comments keep the connection', async () => {
  // Twice this without progress ends the stream: more than a busy machine stands still.
  const { stream, socket, closed } = await begin(400);
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => (text += chunk));
  socket.resume();
  stream.prime(1_000);
  stream.send('{"a":1}');
  await expect.poll(() => text).toContain(': keep-alive\n\n');
  expect(text).toContain('id: x.1\nretry: 1000\ndata: \n\n');
  expect(text).toContain('event: message\nid: x.2\ndata: {"a":1}\n\n');
  stream.end('{"last":true}');
  await closed;
  await expect.poll(() => text).toContain('"last":true');
});
