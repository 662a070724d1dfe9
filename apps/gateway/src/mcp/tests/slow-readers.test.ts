// Clients that ask for much and read little of it.
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ stalledMs: 400 });
});
afterAll(() => gateway.close());

/** The answer is four times as long: each `"` is escaped twice on its way. */
const BODY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 't_echo', arguments: { text: '"'.repeat(1_000_000) } },
});

const WAIT = { timeout: 30_000 };
const ask = (accept: string, requests: number) => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.on('error', () => {});
  const head = [
    'POST /mcp HTTP/1.1',
    'Host: localhost',
    'Authorization: Bearer alice',
    'Content-Type: application/json',
    `Accept: ${accept}`,
    `Content-Length: ${BODY.length}`,
  ];
  socket.pause();
  socket.write(`${head.join('\r\n')}\r\n\r\n${BODY}`.repeat(requests));
  return socket;
};
const connections = () =>
  new Promise<number>((resolve) =>
    gateway.app.server.getConnections((_error, count) => resolve(count)),
  );

test.each(['application/json', 'text/event-stream'])(
  'an answer as %s that nobody takes is given up',
  async (accept) => {
    const before = gateway.governed.calls.length;
    // The system holds the first few megabytes.
    const socket = ask(accept, 3);
    await expect.poll(() => gateway.governed.calls.length, WAIT).toBeGreaterThan(before + 1);
    await expect.poll(connections, WAIT).toBe(0);
    socket.destroy();
  },
);

test('one that is taken slowly arrives', async () => {
  const socket = ask('application/json', 1);
  let read = '';
  socket.on('data', (chunk) => {
    read += chunk.toString();
    socket.pause();
    setTimeout(() => socket.resume(), 2).unref();
  });
  await once(socket, 'connect');
  socket.resume();
  await expect.poll(() => read.length, WAIT).toBeGreaterThan(4_000_000);
  socket.destroy();
});
