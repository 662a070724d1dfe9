// What a call costs by each kind of price, from its reservation to the audit event, over a real worker and upstream.
import type { ToolCost } from '@conducktor/contracts';
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
let asked = 0;
const TOOLS = [
  tool('fine', async () => ({ content: [] })),
  tool('fails', async () => ({ content: [{ type: 'text', text: 'no' }], isError: true })),
  tool('breaks', async () => {
    throw new RpcError(-32_050, 'the service broke');
  }),
  tool('late', async () => after(1_500).then(() => ({ content: [] }))),
  tool('free', async () => ({ content: [] })),
  tool('by_arguments', async () => ({ content: [] })),
  // With what frames it 52 bytes more.
  tool('by_size', async ({ bytes }) => ({
    content: [{ type: 'text', text: 'x'.repeat(Number(bytes)) }],
  })),
  tool('as_reported', async ({ micros }) => ({
    content: [],
    ...(micros !== undefined && { _meta: { 'conducktor/costMicros': micros } }),
  })),
  tool('late_reported', async () =>
    after(1_500).then(() => ({ content: [], _meta: { 'conducktor/costMicros': 4_000 } })),
  ),
  tool('if_it_works', async ({ works }) => ({ content: [], isError: !works })),
  tool('by_list', async () => ({ content: [] })),
  tool('not_yet', async () =>
    asked++ % 2 === 0 ? { resultType: 'input_required', requestState: 'later' } : { content: [] },
  ),
];
const REPORTED: ToolCost = { kind: 'reported', maxMicros: 5_000 };
const COSTS: Record<string, ToolCost> = {
  free: { kind: 'free' },
  by_arguments: { kind: 'cel', micros: 'args.pages * 200', maxMicros: 1_000 },
  by_size: { kind: 'size', baseMicros: 10, microsPerKiB: 100, maxMicros: 350 },
  as_reported: REPORTED,
  late_reported: REPORTED,
  if_it_works: { kind: 'flat', micros: PRICE, chargeOn: 'success' },
};

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
    for (const [name, cost] of Object.entries(COSTS))
      await tx.query('update tool set cost = $1 where upstream_name = $2', [
        JSON.stringify(cost),
        name,
      ]);
    await tx.query("update tool set cost = null where upstream_name = 'by_list'");
    await tx.query("update connection set timeout_ms = 300 where slug = 'quick'");
  });
  await path.activate({
    version: 1,
    default: 'allow',
    rules: [
      { id: 'no', when: { groups: ['contractors'] }, effect: 'deny' },
      {
        id: 'ask',
        when: { tools: ['up_by_arguments'], if: 'args.pages == 4' },
        effect: 'require_approval',
        approvers: { roles: ['admin'] },
      },
    ],
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
    const { rows } = await path.admin.pool.query<{
      outcome: string;
      cost_micros: string;
      flags: object;
    }>(
      `select outcome, cost_micros, jsonb_strip_nulls(jsonb_build_object(
                'overMax', detail -> 'overMax', 'uncappedMicros', detail -> 'uncappedMicros')) as flags
         from audit_event where call_id = $1 and kind <> 'call'`,
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
    ...sealed.flags,
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

const ok = { outcome: 'ok' };
const over = { ...ok, overMax: true };

test('a call costs what the price of its tool makes of it, and never more than was reserved', async () => {
  const table: [string, object, object][] = [
    ['by_arguments', { pages: 3 }, { ...ok, reserved: 600, cost: 600 }],
    ['by_arguments', { pages: 0 }, { ...ok, reserved: 0, cost: 0 }],
    [
      'by_arguments',
      { pages: 6 },
      { ...over, reserved: 1_000, cost: 1_000, uncappedMicros: 1_200 },
    ],
    ['by_size', { bytes: 900 }, { ...ok, reserved: 350, cost: 110 }],
    ['by_size', { bytes: 1_100 }, { ...ok, reserved: 350, cost: 210 }],
    ['by_size', { bytes: 3_100 }, { ...over, reserved: 350, cost: 350, uncappedMicros: 410 }],
    ['as_reported', { micros: 1_234 }, { ...ok, reserved: 5_000, cost: 1_234 }],
    ['as_reported', { micros: 0 }, { ...ok, reserved: 5_000, cost: 0 }],
    [
      'as_reported',
      { micros: 5_001 },
      { ...over, reserved: 5_000, cost: 5_000, uncappedMicros: 5_001 },
    ],
    ['as_reported', { micros: -7 }, { ...over, reserved: 5_000, cost: 5_000 }],
    ['as_reported', {}, { ...over, reserved: 5_000, cost: 5_000 }],
    ['if_it_works', { works: true }, { ...ok, reserved: PRICE, cost: PRICE }],
    ['if_it_works', {}, { outcome: 'error', reserved: PRICE, cost: 0 }],
  ];
  const costs = await Promise.all(
    table.map(async ([name, args]) =>
      costOf(idOf(await path.call(path.gateways[0]!, `up_${name}`, args))),
    ),
  );
  expect(table.map(([name, args], n) => [name, args, costs[n]])).toEqual(table);
});

test('a call whose price cannot be worked out is refused, and nothing is sent', async () => {
  const sent = upstream.calls.length;
  const answer = await path.call(path.gateways[0]!, 'up_by_arguments', { pages: 'many' });
  expect(answer).toMatchObject({
    kind: 'result',
    result: { isError: true, _meta: { 'conducktor/code': 'price_unknown' } },
  });
  expect(JSON.stringify(answer)).toContain(
    'Operation blocked: the price of up_by_arguments cannot be worked out for this call (no such overload',
  );
  expect(upstream.calls.length).toBe(sent);
  expect(await costOf(idOf(answer))).toMatchObject({ reserved: 0, cost: 0 });
});

test('approvers are shown what the arguments make it cost', async () => {
  const client = new AbortController();
  const answer = path.call(
    path.gateways[0]!,
    'up_by_arguments',
    { pages: 4 },
    { signal: client.signal },
  );
  const shown = async () => {
    const { rows } = await path.admin.pool.query('select cost_micros from approval_request');
    return rows;
  };
  await expect.poll(shown).toEqual([{ cost_micros: '800' }]);
  client.abort();
  await answer;
});

test('a service that asks first and answers then is paid for its answer', async () => {
  await path.call(path.gateways[0]!, 'up_not_yet', {}, { era: 'modern' });
  expect(asked).toBe(2);
  const made = (await path.records()).filter(({ tool }) => tool === 'up_not_yet');
  const costs = await Promise.all(made.map(({ callId }) => costOf(callId)));
  expect(costs).toEqual([
    { reserved: PRICE, outcome: 'ok', cost: 0 },
    { reserved: PRICE, outcome: 'ok', cost: PRICE },
  ]);
});

test('a price list holds from its date on, for tools without a price of their own', async () => {
  const { tenantId } = path.people;
  const reserved = async (name: string) => {
    const callId = idOf(await path.call(path.gateways[0]!, name));
    const { rows } = await path.admin.pool.query<{ reserved: string }>(
      'select reserved_micros as reserved from call where call_id = $1',
      [callId],
    );
    return Number(rows[0]!.reserved);
  };
  expect(await reserved('up_by_list')).toBe(0);
  const list = (name: string, from: string, micros: number) =>
    path.admin.withTenant(tenantId, (tx) =>
      tx.query(
        `insert into price_list (tenant_id, id, name, valid_from, prices)
         values ($1, $2, $2, now() + $3::interval, $4)`,
        [
          tenantId,
          name,
          from,
          JSON.stringify([
            { tools: ['up_by_*'], cost: { kind: 'flat', micros } },
            { tools: ['*'], cost: { kind: 'flat', micros: 1 } },
          ]),
        ],
      ),
    );
  await list('before', '-1 day', 30);
  await list('soon', '2 seconds', 40);
  await list('later', '1 day', 50);
  await expect.poll(() => reserved('up_by_list'), { interval: 100 }).toBe(30);
  await expect.poll(() => reserved('up_by_list'), { interval: 100 }).toBe(40);
  expect(await reserved('up_by_size')).toBe(350);
  expect(await reserved('up_free')).toBe(0);
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

test('calls whose gateway is killed are charged by whoever settles them, one of a fixed price that, one by report what came of it', async () => {
  const doomed = await path.startGateway();
  const sent = upstream.calls.length;
  const token = path.people.member.apiKey;
  const names = ['up_late', 'up_late_reported'];
  for (const name of names)
    void rawMcp(doomed.url, 'tools/call', { name, arguments: {} }, { token, era: 'legacy' }).catch(
      () => {},
    );
  await expect.poll(() => upstream.calls.length).toBe(sent + 2);
  await doomed.kill();
  const { rows } = await path.admin.pool.query<{ id: string }>(
    `select call_id as id from call where record::json->>'tool' = any($1)
      order by record::json->>'at' desc limit 2`,
    [names],
  );
  const costs = await Promise.all(rows.map(({ id }) => costOf(id)));
  expect(costs.toSorted((a, b) => b.cost - a.cost)).toEqual([
    { reserved: PRICE, outcome: 'ok', cost: PRICE },
    { reserved: 5_000, outcome: 'ok', cost: 4_000 },
  ]);
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
