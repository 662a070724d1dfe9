import { afterAll, beforeAll, expect, it } from 'vitest';
import { ok, startTestWorker, type TestWorker } from '../../tests/support.js';
import { type RawSseServer, shakingHands, startRawSseServer } from './raw-sse-server.js';

let test: TestWorker;
let server: RawSseServer;
beforeAll(async () => {
  test = await startTestWorker();
  server = await startRawSseServer({
    onStream: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /post\n\n');
      const send = (data: unknown) => response.write(`data: ${JSON.stringify(data)}\n\n`);
      streams.push(send);
      response.once('close', () => streams.splice(streams.indexOf(send), 1));
    },
    onPost: (incoming, response, raw) => {
      const { params, id } = incoming.message;
      // The stream that stood when the call came.
      const send = streams.at(-1)!;
      if (params?.['name'] === 'bad') return void response.writeHead(400).end();
      const answer = () => setTimeout(send, params?.['name'] === 'slow' ? 500 : 0, ok(id));
      shakingHands(answer)(incoming, response, { ...raw, send });
    },
  });
});
const streams: ((data: unknown) => void)[] = [];
afterAll(async () => {
  await server.close();
  await test.stop();
});

it('a call that is refused for itself does not take others of the same person along', async () => {
  const id = await test.connect({ kind: 'mcp-sse', url: server.url });
  expect((await test.call(id, 'x')).outcome).toBe('ok');
  const slow = test.call(id, 'slow');
  expect((await test.call(id, 'bad')).outcome).not.toBe('ok');
  expect((await slow).outcome).toBe('ok');
  expect((await test.call(id, 'x')).outcome).toBe('ok');
  // The session that was given up for it has ended with its last call.
  await expect.poll(() => streams).toHaveLength(1);
});
