// What a call costs, from its reservation to the audit event, over a real worker and upstream.
import {
  rawMcp,
  RpcError,
  startRecordingUpstream,
  type FixtureTool,
  type RecordingUpstream,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { startWholePath, type WholePath } from './support/whole-path.js';

const PRICE = 250_000;
const tool = (name: string, run: FixtureTool['run']): FixtureTool => ({
  definition: { name, inputSchema: { type: 'object' } },
  run,
});
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const TOOLS = [
  tool('fine', async () => ({ content: [] })),
  tool('fails', async () => ({ content: [{ type: 'text', text: 'no' }], isError: true })),
  tool('breaks', async () => {
    throw new RpcError(-32_050, 'the service broke');
  }),
  tool('late', async () => after(1_500).then(() => ({ content: [] }))),
  tool('free', async () => ({ content: [] })),
];

let path: WholePath;
let upstream: RecordingUpstream;

beforeAll(async () => {
  path = await startWholePath();
  upstream = await startRecordingUpstream({ tools: TOOLS });
  const names = TOOLS.map(({ definition }) => definition.name);
  await path.connect('up', upstream.url, names);
  // Nobody listens there.
  await path.connect('down', 'http://127.0.0.1:9/mcp', ['fine']);
  await path.connect('quick', upstream.url, ['late']);
  const { tenantId } = path.people;
  await path.admin.withTenant(tenantId, async (tx) => {
    await tx.query('update tool set cost = $1', [JSON.stringify({ kind: 'flat', micros: PRICE })]);
    await tx.query(`update tool set cost = '{"kind":"free"}' where upstream_name = 'free'`);
    await tx.query("update connection set timeout_ms = 300 where slug = 'quick'");
  });
  await path.activate({
    version: 1,
    default: 'allow',
    rules: [{ id: 'no', when: { groups: ['contractors'] }, effect: 'deny' }],
  });
});
afterAll(async () => {
  await path?.stop();
  await upstream?.close();
});

const idOf = (answer: ToolCallAnswer): string => {
  const meta =
    answer.kind === 'result'
      ? answer.result['_meta']
      : answer.kind === 'error'
        ? (answer.error.data as { _meta?: unknown })._meta
        : undefined;
  return (meta as Record<string, string>)['conducktor/callId']!;
};
/** As the audit sequence shows it, once it is sealed: what was reserved in the journal, what was charged. */
async function costOf(callId: string) {
  await expect
    .poll(async () => (await path.records()).find((r) => r.callId === callId))
    .toBeDefined();
  const { rows: intents } = await path.admin.pool.query<{ reserved: string; admitted: boolean }>(
    'select reserved_micros as reserved, admitted from call where call_id = $1',
    [callId],
  );
  const event = async () => {
    await path.admin.pool.query('select seal(100000)');
    const { rows } = await path.admin.pool.query<{ outcome: string; cost_micros: string }>(
      "select outcome, cost_micros from audit_event where call_id = $1 and kind <> 'call'",
      [callId],
    );
    return rows[0];
  };
  await expect.poll(event, { timeout: 30_000, interval: 200 }).toBeDefined();
  const sealed = (await event())!;
  return {
    reserved: Number(intents[0]!.reserved),
    outcome: sealed.outcome,
    cost: Number(sealed.cost_micros),
  };
}

test.each([
  ['answers', 'up_fine', { reserved: PRICE, outcome: 'ok', cost: PRICE }],
  ['says it failed', 'up_fails', { reserved: PRICE, outcome: 'error', cost: PRICE }],
  ['answers with an error', 'up_breaks', { reserved: PRICE, outcome: 'error', cost: PRICE }],
  ['does not answer in time', 'quick_late', { reserved: PRICE, outcome: 'timeout', cost: PRICE }],
  ['cannot be reached', 'down_fine', { reserved: PRICE, outcome: 'unavailable', cost: 0 }],
  ['asks nothing for it', 'up_free', { reserved: 0, outcome: 'ok', cost: 0 }],
])('a call whose server %s', async (_what, name, expected) => {
  expect(await costOf(idOf(await path.call(path.gateways[0]!, name)))).toEqual(expected);
});

test('a call that policy refuses costs nothing', async () => {
  const answer = await path.call(
    path.gateways[0]!,
    'up_fine',
    {},
    { apiKey: path.people.contractor.apiKey },
  );
  expect(await costOf(idOf(answer))).toMatchObject({ reserved: 0, cost: 0 });
});

test('a call given up before it was sent costs nothing, one given up after it was sent its price', async () => {
  const before = await path.call(path.gateways[0]!, 'up_fine', {}, { signal: AbortSignal.abort() });
  expect(await costOf(idOf(before))).toEqual({ reserved: PRICE, outcome: 'not_sent', cost: 0 });
  const controller = new AbortController();
  const sent = upstream.calls.length;
  const answer = path.call(path.gateways[0]!, 'up_late', {}, { signal: controller.signal });
  await expect.poll(() => upstream.calls.length).toBe(sent + 1);
  controller.abort();
  expect(await costOf(idOf(await answer))).toEqual({
    reserved: PRICE,
    outcome: 'cancelled',
    cost: PRICE,
  });
});

test('the same idempotency key is paid for once', async () => {
  const by = { idempotencyKey: 'once' };
  const ids = [
    idOf(await path.call(path.gateways[0]!, 'up_fine', {}, by)),
    idOf(await path.call(path.gateways[0]!, 'up_fine', {}, by)),
  ];
  expect(ids[1]).toBe(ids[0]);
  expect(await costOf(ids[0]!)).toMatchObject({ cost: PRICE });
});

test('a call whose gateway is killed is charged what it reserved, by whoever settles it', async () => {
  const doomed = await path.startGateway();
  const sent = upstream.calls.length;
  const token = path.people.member.apiKey;
  void rawMcp(
    doomed.url,
    'tools/call',
    { name: 'up_late', arguments: {} },
    { token, era: 'legacy' },
  ).catch(() => {});
  await expect.poll(() => upstream.calls.length).toBe(sent + 1);
  await doomed.kill();
  const { rows } = await path.admin.pool.query<{ id: string }>(
    "select call_id as id from call order by record::json->>'at' desc limit 1",
  );
  expect(await costOf(rows[0]!.id)).toEqual({ reserved: PRICE, outcome: 'ok', cost: PRICE });
  // A process is started, and its epoch has to be found abandoned.
}, 60_000);

test('of a call that nobody knows the outcome of the reservation stays and nothing is charged', async () => {
  const sent = upstream.calls.length;
  const answer = path.call(path.gateways[0]!, 'up_late');
  await expect.poll(() => upstream.calls.length).toBe(sent + 1);
  await path.killWorker();
  expect(await costOf(idOf(await answer))).toEqual({
    reserved: PRICE,
    outcome: 'unknown',
    cost: 0,
  });
});
