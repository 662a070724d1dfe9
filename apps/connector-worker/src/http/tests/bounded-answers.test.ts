import type { Dispatcher } from 'undici';
import { expect, it } from 'vitest';
import { json, legacy, ok, stream } from '../../tests/support.js';
import { rawServers } from './raw-servers.js';
import { HttpExchange } from '../http-exchange.js';

const raw = rawServers();
const { serve } = raw;

it('an answer in chunks of one byte takes no more memory than its bytes', () => {
  let handler!: HttpExchange;
  const dispatcher = { dispatch: (_options: unknown, given: HttpExchange) => (handler = given) };
  const exchange = new HttpExchange({
    dispatcher: dispatcher as unknown as Dispatcher,
    target: { origin: 'http://localhost', path: '/' },
    method: 'POST',
    headers: [],
    body: undefined,
    id: 1,
  });
  const controller = {} as Dispatcher.DispatchController;
  handler.onResponseStart(controller, 200, { 'content-type': 'application/json' });
  const read = Buffer.alloc(64 * 1024, ' ');
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 1_000_000; at++)
    handler.onResponseData(controller, read.subarray(at % read.length, (at % read.length) + 1));
  // Kept one by one they take 136 MB; what is garbage by now is counted, too.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(70_000_000);
  handler.onResponseEnd();
  return exchange.reply;
});

it('an answer that is no MCP and does not end is left', async () => {
  let left!: Promise<void>;
  const { id } = await serve(
    legacy((_incoming, response) => {
      left = new Promise((resolve) => response.once('close', () => resolve()));
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('x'.repeat(100_000));
    }),
  );
  expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
  await left;
});

it('only interim answers: given up before the deadline', async () => {
  const { id } = await serve(
    legacy((_incoming, response) => {
      for (let at = 0; at < 100; at++) response.writeProcessing();
    }),
  );
  expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'unknown' });
});

it('a result of 9 MB comes at once to a client that can be asked, too', async () => {
  const { id } = await serve(
    legacy((incoming, response) => {
      stream(response)(ok(incoming.message.id, 'x'.repeat(9_000_000)));
      response.end();
    }),
  );
  const capabilities = { elicitation: { form: {} } };
  const result = await raw.worker.call(id, 'x', {}, { capabilities, timeoutMs: 5_000 });
  expect(result).toMatchObject({ outcome: 'ok' });
});

it('a modern server whose proxy answered for it is not taken for a legacy one for ever', async () => {
  let up = false;
  const { id } = await serve((incoming, response) => {
    const { id: given, method } = incoming.message;
    if (!up) return void response.writeHead(503, { 'content-type': 'text/html' }).end('later');
    const one = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} };
    if (method === 'server/discover')
      return json(response, 200, { jsonrpc: '2.0', id: given, result: one });
    if (method === 'tools/call') {
      const result = { resultType: 'complete', content: [] };
      return json(response, 200, { jsonrpc: '2.0', id: given, result });
    }
    json(response, 404, {
      jsonrpc: '2.0',
      id: given,
      error: { code: -32601, message: 'Method not found' },
    });
  });
  expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'unavailable' });
  up = true;
  expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'ok' });
});
