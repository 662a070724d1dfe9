import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import {
  startRecordingUpstream,
  startSdkUpstream,
  type RecordingUpstream,
} from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';

const everythingPort = 20_450;
let test: TestWorker;
let everything: ChildProcess;
const stops: (() => unknown)[] = [];

function startEverything(): Promise<ChildProcess> {
  const script = createRequire(import.meta.url).resolve(
    '@modelcontextprotocol/server-everything/dist/index.js',
  );
  const child = spawn(process.execPath, [script, 'streamableHttp'], {
    env: { ...process.env, PORT: String(everythingPort) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve) =>
    child.stderr.on(
      'data',
      (chunk: Buffer) => chunk.toString().includes('listening') && resolve(child),
    ),
  );
}

beforeAll(async () => {
  [test, everything] = await Promise.all([startTestWorker(), startEverything()]);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(async () => {
  everything.kill('SIGKILL');
  await test.stop();
});

describe('server-everything over Streamable HTTP (legacy, with sessions)', () => {
  let id: string;
  beforeAll(async () => {
    id = await test.connect({ url: `http://127.0.0.1:${everythingPort}/mcp` });
  });

  it('lists all tools raw', async () => {
    const list = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
    expect(list).toMatchObject({ status: 'ACTIVE' });
    expect(list.tools.map((tool) => tool['name'])).toContain('echo');
    expect(list.tools.find((tool) => tool['name'] === 'echo')).toHaveProperty('inputSchema');
  });

  it('calls a tool', async () => {
    const result = await test.call(id, 'echo', { message: 'grüß dich 👋' });
    expect(result.outcome).toBe('ok');
    expect(JSON.parse(result.resultJson!)).toMatchObject({
      content: [{ type: 'text', text: 'Echo: grüß dich 👋' }],
    });
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it('hands on the error of a tool and of the protocol', async () => {
    expect(await test.call(id, 'get-sum', { a: 'x' })).toMatchObject({ outcome: 'error' });
    expect(await test.call(id, 'no-such-tool', {})).toMatchObject({ outcome: 'error' });
  });

  it('relays progress', async () => {
    const notes: number[] = [];
    const result = await test.call(
      id,
      'trigger-long-running-operation',
      { duration: 0.3, steps: 3 },
      { progress: true, onProgress: (note) => notes.push(note.progress) },
    );
    expect(result.outcome).toBe('ok');
    expect(notes).toEqual([1, 2, 3]);
  });

  it('cancels', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 150);
    const started = Date.now();
    const result = await test.call(
      id,
      'trigger-long-running-operation',
      { duration: 5, steps: 5 },
      { signal: abort.signal },
    );
    expect(result.outcome).toBe('cancelled');
    expect(Date.now() - started).toBeLessThan(2_000);
  });

  it('gives up at the deadline', async () => {
    const result = await test.call(
      id,
      'trigger-long-running-operation',
      { duration: 5, steps: 5 },
      { timeoutMs: 200 },
    );
    expect(result).toMatchObject({
      outcome: 'timeout',
      message: expect.stringContaining('did not answer within 0.2 s'),
    });
  });

  it('begins a new session when the server was restarted', async () => {
    everything.kill('SIGKILL');
    await new Promise((resolve) => everything.once('exit', resolve));
    expect(await test.call(id, 'echo', { message: 'a' })).toMatchObject({
      outcome: expect.stringMatching(/unavailable|unknown/),
    });
    everything = await startEverything();
    expect(await test.call(id, 'echo', { message: 'b' })).toMatchObject({ outcome: 'ok' });
  });
});

describe('a server of the SDK 2.x that speaks 2026-07-28 only', () => {
  it('is found out, listed and called', async () => {
    const upstream = await startSdkUpstream();
    stops.push(() => upstream.close());
    const id = await test.connect({ url: upstream.url });
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'ACTIVE',
      tools: [{ name: 'greet' }],
    });
    const result = await test.call(id, 'greet', { name: 'Ada' });
    expect(result.outcome).toBe('ok');
    expect(JSON.parse(result.resultJson!)).toMatchObject({
      content: [{ text: 'Hello, Ada' }],
      resultType: 'complete',
    });
    expect(upstream.greeted).toEqual(['Ada']);
  });
});

describe('what arrives at an upstream', () => {
  let upstream: RecordingUpstream;
  const open = async (era: 'modern' | 'legacy', headers?: Record<string, string>) => {
    upstream = await startRecordingUpstream({ era });
    stops.push(() => upstream.close());
    return await test.connect({ url: upstream.url, headers });
  };

  it('modern: headers repeat the body, credentials are ours, nothing of the client comes along', async () => {
    const id = await open('modern', { Authorization: 'Bearer upstream-token', 'X-Team': 'blue' });
    const result = await test.call(
      id,
      'echo',
      { message: 'x' },
      {
        meta: {
          'example.com/trace': 1,
          progressToken: 'theirs',
          'io.modelcontextprotocol/clientInfo': { name: 'ChatGPT' },
        },
      },
    );
    expect(result.outcome).toBe('ok');
    const [call] = upstream.calls;
    expect(call!.headers).toMatchObject({
      authorization: 'Bearer upstream-token',
      'x-team': 'blue',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    });
    expect(Object.keys(call!.headers).sort()).toEqual([
      'accept',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'mcp-method',
      'mcp-name',
      'mcp-protocol-version',
      'user-agent',
      'x-team',
    ]);
    const { params } = JSON.parse(call!.body) as { params: { _meta: Record<string, unknown> } };
    expect(params._meta).toEqual({
      'example.com/trace': 1,
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': {
        name: 'conducktor',
        title: 'Conducktor',
        version: '0.1.0',
      },
      'io.modelcontextprotocol/clientCapabilities': {},
    });
  });

  it('legacy: the negotiated version is in the header and no modern header is', async () => {
    const id = await open('legacy');
    expect((await test.call(id, 'echo', { message: 'x' })).outcome).toBe('ok');
    expect(upstream.calls[0]!.headers).toMatchObject({ 'mcp-protocol-version': '2025-11-25' });
    expect(upstream.calls[0]!.headers).not.toHaveProperty('mcp-method');
    expect(upstream.calls[0]!.body).toBe(
      `{"jsonrpc":"2.0","id":${JSON.parse(upstream.calls[0]!.body).id},"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"}}}`,
    );
  });

  it.each(['modern', 'legacy'] as const)('%s: the trace context, in a header', async (era) => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const id = await open(era);
    expect((await test.call(id, 'echo', { message: 'x' }, { traceparent })).outcome).toBe('ok');
    const [call] = upstream.calls;
    expect(call!.headers).toMatchObject({ traceparent });
    const { params } = JSON.parse(call!.body) as { params: { _meta?: { traceparent: string } } };
    expect(params._meta?.traceparent).toBe(era === 'modern' ? traceparent : undefined);
  });

  it('the arguments arrive byte for byte', async () => {
    const id = await open('modern');
    const argumentsJson = '{"amount":10000000000000000000001,"message":"\\u0041é"}';
    await test.client.call({ ...test.request(id, 'echo'), argumentsJson });
    expect(upstream.calls[0]!.body).toContain(`"arguments":${argumentsJson}`);
  });

  it.each(['modern', 'legacy'] as const)(
    '%s: progress, cancellation and every kind of content',
    async (era) => {
      const id = await open(era);
      const notes: unknown[] = [];
      expect(
        (
          await test.call(
            id,
            'count',
            { to: 2 },
            { progress: true, onProgress: (note) => notes.push(note) },
          )
        ).outcome,
      ).toBe('ok');
      expect(notes.at(-1)).toEqual({ progress: 2, total: 2, message: 'counted 2' });
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 100);
      expect((await test.call(id, 'slow', { ms: 5_000 }, { signal: abort.signal })).outcome).toBe(
        'cancelled',
      );
      await expect
        .poll(() => upstream.calls.find((call) => call.name === 'slow')?.cancelled)
        .toBe(true);
      const all = JSON.parse((await test.call(id, 'everything')).resultJson!) as {
        content: { type: string }[];
      };
      expect(all.content.map((part) => part.type)).toEqual([
        'text',
        'image',
        'audio',
        'resource_link',
        'resource',
      ]);
      expect(await test.call(id, 'boom')).toMatchObject({
        outcome: 'error',
        error: { code: -32050, message: 'the service broke', data: { ticket: 7 } },
      });
      expect(await test.call(id, 'fail')).toMatchObject({
        outcome: 'error',
        resultJson: expect.stringContaining('the service says no'),
      });
    },
  );
});
