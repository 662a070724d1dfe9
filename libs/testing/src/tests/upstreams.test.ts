import { afterAll, expect, test } from 'vitest';
import { connectLegacy, connectModern } from '../clients/sdk-clients.js';
import { rawCall, rawMcp } from '../clients/raw-mcp.js';
import { startRecordingUpstream } from '../upstreams/recording-upstream.js';
import { startSdkUpstream } from '../upstreams/sdk-upstream.js';

const closers: (() => Promise<void>)[] = [];
afterAll(async () => void (await Promise.all(closers.map((close) => close()))));

test('both official clients can use the recording upstream, and it records what arrived', async () => {
  const upstream = await startRecordingUpstream();
  closers.push(upstream.close);
  for (const connect of [connectModern, connectLegacy]) {
    const client = await connect(upstream.url, 'secret');
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toContain('delete_note');
    const result = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
    expect(result.content).toEqual([{ type: 'text', text: 'hi' }]);
    await client.close();
  }
  expect(upstream.calls.map((call) => [call.name, call.arguments])).toEqual([
    ['echo', { message: 'hi' }],
    ['echo', { message: 'hi' }],
  ]);
  expect(upstream.calls[0]?.headers.authorization).toBe('Bearer secret');
});

test('the recording upstream streams progress and answers with its own errors', async () => {
  const upstream = await startRecordingUpstream();
  closers.push(upstream.close);
  const counted = await rawCall(upstream.url, 'count', { to: 3 }, { meta: { progressToken: 'p' } });
  expect(counted.messages).toHaveLength(4);
  expect(counted.message?.result?.content).toEqual([{ type: 'text', text: 'counted to 3' }]);
  const boom = await rawCall(upstream.url, 'boom', {});
  expect(boom.message?.error).toEqual({
    code: -32050,
    message: 'the service broke',
    data: { ticket: 7 },
  });
});

test('an upstream of one era refuses the other', async () => {
  const modern = await startRecordingUpstream({ era: 'modern' });
  const legacy = await startRecordingUpstream({ era: 'legacy' });
  closers.push(modern.close, legacy.close);
  await expect(connectLegacy(modern.url, 't')).rejects.toThrow();
  await expect(connectModern(legacy.url, 't')).rejects.toThrow();
  expect((await rawMcp(legacy.url, 'tools/list', {}, { era: 'legacy' })).status).toBe(200);
});

test('the SDK upstream serves a modern client', async () => {
  const upstream = await startSdkUpstream();
  closers.push(upstream.close);
  const client = await connectModern(upstream.url, 't');
  await client.callTool({ name: 'greet', arguments: { name: 'Ada' } });
  expect(upstream.greeted).toEqual(['Ada']);
  await client.close();
});
