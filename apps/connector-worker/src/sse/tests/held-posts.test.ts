import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ok, startTestWorker, type TestWorker } from '../../tests/support.js';
import { type RawSseServer, shakingHands, startRawSseServer } from './raw-sse-server.js';

let test: TestWorker;
let server: RawSseServer;
let id: string;
let held: ServerResponse[];
let left: number;
beforeAll(async () => {
  test = await startTestWorker({ CONNECTION_POOL_SIZE: 1 });
  server = await startRawSseServer({
    onPost: (incoming, response, raw) => {
      const { params, id: callId } = incoming.message;
      if (params?.['name'] === 'hold') {
        held.push(response);
        return void response.once('close', () => left++);
      }
      shakingHands(() => raw.send(ok(callId, 'fine')))(incoming, response, raw);
    },
  });
});
beforeEach(async () => {
  held = [];
  left = 0;
  id = await test.connect({ kind: 'mcp-sse', url: server.url });
});
afterAll(async () => {
  await server.close();
  await test.stop();
});

const called = (): unknown[] =>
  server.seen.map(({ message }) => message.params?.['name']).filter((name) => name !== undefined);

it('a POST that the server leaves without a reply is left when its call has ended', async () => {
  expect(await test.call(id, 'hold', {}, { timeoutMs: 1_500 })).toMatchObject({
    outcome: 'timeout',
  });
  await expect.poll(() => left, { timeout: 30_000 }).toBe(1);
  expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
});

it('a call that ended before there was a connection for it is not sent any more', async () => {
  const first = test.call(id, 'hold', {}, { timeoutMs: 1_500 });
  await expect.poll(() => held).toHaveLength(1);
  const second = await test.call(id, 'late', {}, { timeoutMs: 200 });
  expect(second).toMatchObject({ outcome: 'unavailable' });
  held[0]!.writeHead(202).end();
  await first;
  expect(await test.call(id, 'x')).toMatchObject({ outcome: 'ok' });
  expect(called()).not.toContain('late');
});
