// The official clients of both eras, over real HTTP.
import { connectLegacy, connectModern } from '@conducktor/testing';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.governed.calls.length = 0;
});

interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(
    params: { name: string; arguments: Record<string, unknown> },
    options?: object,
  ): Promise<{ content: unknown }>;
  close(): Promise<void>;
}

async function connectV2(mode: 'auto' | 'legacy'): Promise<Client> {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(gateway.mcp), {
      requestInit: { headers: { authorization: 'Bearer alice' } },
    }),
  );
  return client;
}

const CLIENTS: [string, 'legacy' | 'modern', () => Promise<AnyClient>][] = [
  [
    'SDK v1',
    'legacy',
    async () => {
      const client = await connectLegacy(gateway.mcp, 'alice');
      // Its options are the third argument.
      return {
        listTools: () => client.listTools(),
        callTool: (params, options) => client.callTool(params, undefined, options),
        close: () => client.close(),
      } as AnyClient;
    },
  ],
  [
    'SDK v2, modern',
    'modern',
    () => connectModern(gateway.mcp, 'alice') as unknown as Promise<AnyClient>,
  ],
  ['SDK v2, choosing', 'modern', () => connectV2('auto') as unknown as Promise<AnyClient>],
  ['SDK v2, legacy', 'legacy', () => connectV2('legacy') as unknown as Promise<AnyClient>],
];

describe.each(CLIENTS)('%s', (_name, era, connect) => {
  let client: AnyClient;
  beforeAll(async () => {
    client = await connect();
  });
  afterAll(() => client.close());

  test('speaks the era it should, lists and calls', async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toContain('t_echo');
    const result = await client.callTool({ name: 't_echo', arguments: { hello: 'wörld' } });
    expect(JSON.stringify(result.content)).toContain('wörld');
    expect(gateway.governed.calls[0]?.input.context.era).toBe(era);
  });

  test('structured content of any kind passes its own validation', async () => {
    expect(await client.callTool({ name: 't_structured', arguments: {} })).toMatchObject({
      structuredContent: { a: 1 },
    });
    const structuredContent = era === 'modern' ? 42 : { result: 42 };
    expect(await client.callTool({ name: 't_number', arguments: {} })).toMatchObject({
      structuredContent,
    });
  });

  test('gets progress with its own token', async () => {
    const seen: unknown[] = [];
    const options = { onprogress: (progress: unknown) => seen.push(progress) };
    await client.callTool({ name: 't_progress', arguments: { steps: 4, pauseMs: 5 } }, options);
    expect(seen).toEqual(
      [1, 2, 3, 4].map((step) => ({ progress: step, total: 4, message: `step ${step}` })),
    );
  });

  test('cancels its call', async () => {
    const abort = new AbortController();
    const call = client.callTool({ name: 't_wait', arguments: {} }, { signal: abort.signal }).then(
      () => 'answered',
      () => 'cancelled',
    );
    await expect.poll(() => gateway.governed.calls.length).toBe(1);
    abort.abort('enough');
    expect(await call).toBe('cancelled');
    await expect.poll(() => gateway.governed.calls[0]?.aborted).toBe(true);
  });

  test('learns of an unknown tool', async () => {
    await expect(client.callTool({ name: 't_nothing', arguments: {} })).rejects.toThrow(
      'Unknown tool: t_nothing',
    );
  });
});
