import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { type SdkSseServer, startSdkSseServer } from './sdk-sse-server.js';

let test: TestWorker;
let server: SdkSseServer;
let id: string;

beforeAll(async () => {
  test = await startTestWorker();
});
beforeEach(async () => {
  server = await startSdkSseServer();
  id = await test.connect({
    kind: 'mcp-sse',
    url: server.url,
    headers: { authorization: 'Bearer secret-of-the-connection' },
  });
});
afterEach(() => server.close());
afterAll(() => test.stop());

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};
const textOf = (result: { resultJson?: string }) =>
  JSON.parse(result.resultJson!).content[0].text as string;

describe('a server of 2024-11-05 over HTTP with SSE', () => {
  it('is listed and called, with the secret headers of the connection on every request', async () => {
    const list = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
    expect(list).toMatchObject({ status: 'ACTIVE' });
    expect(list.tools.map(({ name }) => name)).toEqual([
      'echo',
      'session',
      'wait',
      'count',
      'ask',
      'think',
      'log',
    ]);
    expect(list.server).toMatchObject({
      protocolVersion: '2025-11-25',
      serverInfo: { name: 'sse-fixture' },
      capabilities: { resources: { subscribe: true } },
    });
    const result = await test.call(id, 'echo', { message: 'grüß dich 👋' });
    expect(result.outcome).toBe('ok');
    expect(textOf(result)).toBe('grüß dich 👋');
    expect(new Set(server.seen.map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Bearer secret-of-the-connection']),
    );
  });

  it('answers many calls at once, each its own', async () => {
    const messages = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    const results = await Promise.all(
      messages.map((message) => test.call(id, 'echo', { message })),
    );
    expect(results.map(textOf)).toEqual(messages);
    expect(server.sessions).toBe(1);
  });

  it('has a session for each member, kept between calls', async () => {
    const session = async (memberId: string) =>
      textOf(await test.call(id, 'session', {}, { memberId }));
    const [a, b] = [await session('mem_a'), await session('mem_b')];
    expect(a).not.toBe(b);
    expect(await session('mem_a')).toBe(a);
    expect(await session('mem_b')).toBe(b);
  });

  it('reports progress', async () => {
    const notes: number[] = [];
    const result = await test.call(
      id,
      'count',
      {},
      { progress: true, onProgress: (note) => notes.push(note.progress) },
    );
    expect(result.outcome).toBe('ok');
    expect(notes).toEqual([1, 2, 3]);
  });

  it('is told of a cancellation', async () => {
    const abort = new AbortController();
    const call = test.call(id, 'wait', {}, { signal: abort.signal });
    await until(() => server.seen.filter(({ method }) => method === 'POST').length >= 3);
    abort.abort();
    expect(await call).toMatchObject({ outcome: 'cancelled' });
    await until(() => server.cancelled === 1);
  });

  it('loses its stream: the call under way is unknown, the next one is made in a new session', async () => {
    const call = test.call(id, 'wait');
    await until(() => server.seen.filter(({ method }) => method === 'POST').length >= 3);
    await sleep(20);
    await server.dropStreams();
    expect(await call).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('whether it acted is not known'),
    });
    expect(await test.call(id, 'echo', { message: 'again' })).toMatchObject({ outcome: 'ok' });
  });

  it('hands on the error of a tool and of the protocol', async () => {
    expect(await test.call(id, 'echo', { message: 7 })).toMatchObject({ outcome: 'error' });
    expect(await test.call(id, 'nothing-like-it')).toMatchObject({ outcome: 'error' });
  });

  it('is gone: nothing was sent', async () => {
    await server.close();
    expect(await test.call(id, 'echo', { message: 'x' })).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining('nothing listens at its address'),
    });
  });
});
