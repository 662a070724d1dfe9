// A question outlives the gateway that relayed it: real processes, one of them killed.
import { rawMcp, startConformanceUpstream, type ConformanceUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWholePath, type WholePath } from '../../tests/support/whole-path.js';

const TOOL = 'old_test_elicitation';
const ARGS = { message: 'Who?' };
const CAPABILITIES = { elicitation: { form: {} } };
const META = { 'io.modelcontextprotocol/clientCapabilities': CAPABILITIES };
const ACCOUNT = { action: 'accept', content: { username: 'ann', email: 'ann@x.example' } };

let path: WholePath;
let upstream: ConformanceUpstream;
let doomed: Awaited<ReturnType<WholePath['startGateway']>>;

beforeAll(async () => {
  path = await startWholePath();
  upstream = await startConformanceUpstream({ revision: '2025-11-25' });
  await path.connect('old', upstream.url, ['test_elicitation']);
  doomed = await path.startGateway();
});
afterAll(async () => {
  await path?.stop();
  await upstream?.close();
});

test('the retry on the gateway that is left ends the call, and its outcome is recorded', async () => {
  const first = await rawMcp(
    doomed.url,
    'tools/call',
    { name: TOOL, arguments: ARGS },
    { token: path.people.member.apiKey, meta: META },
  );
  expect(first.message?.result).toMatchObject({
    resultType: 'input_required',
    inputRequests: { 'ask-1': { method: 'elicitation/create', params: ARGS } },
  });
  const callId = first.message!.result!._meta!['conducktor/callId'] as string;
  await doomed.kill();

  const requestState = first.message!.result!['requestState'] as string;
  const answer = await path.call(path.gateways[0]!, TOOL, ARGS, {
    capabilities: CAPABILITIES,
    input: { requestState, inputResponses: { 'ask-1': ACCOUNT } },
  });
  expect(answer).toMatchObject({
    kind: 'result',
    result: {
      content: [{ text: expect.stringContaining('"username":"ann"') as string }],
      _meta: { 'conducktor/callId': callId },
    },
  });
  // The server was called once; the worker's outcome is taken over when the lost epoch is closed.
  const calls = upstream.world.received.filter(({ method }) => method === 'tools/call');
  expect(calls).toHaveLength(1);
  await expect
    .poll(() => path.records(), { timeout: 30_000 })
    .toContainEqual(expect.objectContaining({ callId, outcome: 'ok' }));
});
